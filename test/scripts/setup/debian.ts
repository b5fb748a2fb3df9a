/** Files and output of a Debian 12 with its own mirror. */
export const DEB822 = `# The archive
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
#URIs: http://old.example/debian
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
`;

export const POLICY = `mesa-vulkan-drivers:
  Installed: (none)
  Candidate: 22.3.6-1+deb12u2
  Version table:
     22.3.6-1+deb12u2 500
`;
