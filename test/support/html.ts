export interface Element {
  name: string;
  attributes: Record<string, string>;
}

const voidElements = ['meta', 'br', 'hr'];

/**
 * The elements of a page of ours. Throws unless each is closed where it must be, each attribute is
 * in quotes, and there is no bare `<` or `&` in a text.
 */
export function elementsOf(page: string): Element[] {
  const body = page.replace(/^<!doctype html>\n/, '').replace(/<style>[^<]*<\/style>/, '');
  const tag = /<(\/?)([a-z0-9]+)((?:\s+[a-zA-Z-]+="[^"<>]*")*)\s*(\/?)>/y;
  const elements: Element[] = [];
  const open: string[] = [];
  for (let at = 0; at < body.length; ) {
    const text = /[^<]*/y;
    text.lastIndex = at;
    const found = text.exec(body)![0];
    if (found.replace(/&(?:amp|lt|gt|quot|#39);/g, '').includes('&'))
      throw new Error(`a bare & in ${found}`);
    at += found.length;
    if (at === body.length) break;
    tag.lastIndex = at;
    const match = tag.exec(body);
    if (!match) throw new Error(`no tag: ${body.slice(at, at + 200)}`);
    const [whole, slash, name, attributes, closed] = match;
    at += whole.length;
    if (slash) {
      const last = open.pop();
      if (last !== name)
        throw new Error(`${name} closes ${last} before ${body.slice(at, at + 80)}`);
    } else {
      elements.push({ name, attributes: attributesOf(attributes) });
      if (!closed && !voidElements.includes(name)) open.push(name);
    }
  }
  if (open.length > 0) throw new Error(`not closed: ${open}`);
  return elements;
}

const attributesOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    Array.from(text.matchAll(/([a-zA-Z-]+)="([^"]*)"/g), ([, key, value]) => [key, value]),
  );
