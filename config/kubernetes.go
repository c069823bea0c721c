package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"segue/backend/discover/kube"
)

// kubernetesKeys is every key of discover.kubernetes.
func (p *parser) kubernetesKeys(c *Kubernetes) []key {
	return []key{
		{name: "service", read: p.kubernetesName(&c.Service)},
		{name: "namespace", read: p.kubernetesName(&c.Namespace)},
		{name: "port", read: p.servicePort(&c.Port)},
		{name: "http_port", read: p.servicePort(&c.HTTPPort)},
		{name: "server", read: p.apiServer(&c.Server)},
		{name: "token_file", file: true, read: p.besideFile(&c.TokenFile)},
		{name: "ca_file", file: true, read: p.besideFile(&c.CAFile)},
	}
}

// kubernetesName reads the name of an object.
func (p *parser) kubernetesName(into *string) func(*yaml.Node) {
	return p.as(shape{"type": "string", "pattern": kubernetesPattern, "maxLength": 253}, func(n *yaml.Node) {
		if !p.scalar(n) {
			return
		}
		if !kube.ValidName(n.Value) {
			p.report(n, fmt.Sprintf("%s: %q is no name that Kubernetes knows", p.key(n), shorten(n.Value)), "write its name as kubectl shows it: small letters, digits, '-' and '.'")
			return
		}
		*into = n.Value
	})
}

// kubernetesPattern is what [kube.ValidName] takes.
const kubernetesPattern = `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`

// servicePort reads the name or the number of a port.
func (p *parser) servicePort(into *string) func(*yaml.Node) {
	kinds := []shape{{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string", "pattern": `^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`}}
	return p.as(shape{"anyOf": kinds}, func(n *yaml.Node) {
		if !p.scalar(n) {
			return
		}
		number, err := strconv.Atoi(n.Value)
		if err == nil && (number < 1 || number > 65535) || err != nil && (!kube.ValidName(n.Value) || strings.Contains(n.Value, ".")) {
			p.report(n, fmt.Sprintf("%s: %q is no port", p.key(n), shorten(n.Value)), "write its number, or its name in the Service")
			return
		}
		*into = n.Value
	})
}

func (p *parser) apiServer(into *string) func(*yaml.Node) {
	return p.as(shape{"type": "string", "pattern": `^https?://[^/?#@]+(/[^?#]*)?$`}, func(n *yaml.Node) {
		if !p.scalar(n) {
			return
		}
		if _, err := kube.ParseServer(n.Value); err != nil {
			p.report(n, p.key(n)+": "+err.Error(), "write it as in https://10.0.0.1:6443; http only to this machine, as kubectl proxy serves it")
			return
		}
		*into = n.Value
	})
}

// checkKubernetes checks the keys against one another.
func (p *parser) checkKubernetes(c *Kubernetes) {
	const section = "discover.kubernetes"
	switch {
	case p.where[section] == nil && p.where[section+".service"] == nil:
	case c.Service == "" && p.where[section+".service"] == nil:
		p.report(p.where[section], section+" without a service", "name the service whose endpoints are backends, sr-fe-search, say")
	case c.Server != "" && c.Namespace == "":
		p.report(p.where[section+".server"], section+".server without a namespace", "say which namespace the service is in: only a pod has one of its own")
	}
}

// text tells a service in a few words.
func (k Kubernetes) text() string {
	if k.Service == "" {
		return "none"
	}
	text := k.Service
	if k.Namespace != "" {
		text = k.Namespace + "/" + text
	}
	if k.Port != "" {
		text += ":" + k.Port
	}
	for _, more := range []struct{ key, value string }{{"http_port", k.HTTPPort}, {"server", k.Server}, {"token_file", k.TokenFile}, {"ca_file", k.CAFile}} {
		if more.value != "" {
			text += " " + more.key + " " + more.value
		}
	}
	return text
}
