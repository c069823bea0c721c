// Package proxyheader is the header by which a proxy tells a server whose connection it brings: the PROXY protocol (proxy-protocol.txt, which comes with HAProxy),
// versions 1 and 2. Pure.
package proxyheader
