"""Optimisers as torch 2 defines them, where torch 1.13 has none or another formula."""

import torch


class NAdam(torch.optim.Optimizer):
    """torch 1.13 multiplies the momentum of the next step by that of this one twice."""

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0,
                 momentum_decay=4e-3, decoupled_weight_decay=False):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            momentum_decay=momentum_decay, decoupled=decoupled_weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for w in group["params"]:
                state = self.state[w] or {"step": 0, "product": 1.0,
                    "m": torch.zeros_like(w), "v": torch.zeros_like(w)}
                self.state[w] = state
                state["step"] += 1
                grad, step = w.grad, state["step"]
                if group["decoupled"]:
                    w.mul_(1 - lr * group["weight_decay"])
                else:
                    grad = grad + group["weight_decay"] * w
                mu, following = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))
                    for t in (step, step + 1))
                state["product"] *= mu
                state["m"].mul_(beta1).add_(grad, alpha=1 - beta1)
                state["v"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                scale = state["v"].div(1 - beta2**step).sqrt().add_(group["eps"])
                w.addcdiv_(grad, scale, value=-lr * (1 - mu) / (1 - state["product"]))
                w.addcdiv_(state["m"], scale, value=-lr * following
                    / (1 - state["product"] * following))


class RAdam(torch.optim.RAdam):
    """With the decoupled weight decay of torch 2."""

    def __init__(self, params, decoupled_weight_decay=False, weight_decay=0, **options):
        self.shrink = weight_decay if decoupled_weight_decay else 0
        l2 = 0 if decoupled_weight_decay else weight_decay
        super().__init__(params, weight_decay=l2, **options)

    def step(self):
        with torch.no_grad():
            for group in self.param_groups:
                for w in group["params"]:
                    w.mul_(1 - group["lr"] * self.shrink)
        super().step()


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, arXiv 2302.06675, algorithm 2."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for w in group["params"]:
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                w.mul_(1 - group["lr"] * group["weight_decay"])
                w.add_((m * beta1 + w.grad * (1 - beta1)).sign(), alpha=-group["lr"])
                m.mul_(beta2).add_(w.grad, alpha=1 - beta2)
