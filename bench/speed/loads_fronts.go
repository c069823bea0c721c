package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// loadFronts are what loads are sent through, but for `direct`. Those that know nothing of FEs are put before the BE; their clients go there at once.
func loadFronts(segue, other, nginx string) []kind {
	haproxy := func(config string) []string { return []string{"haproxy", "-db", "-f", config} }
	nginxRun := func(config string) []string {
		dir := strings.TrimSuffix(config, ".conf")
		return []string{nginx, "-p", dir, "-c", config, "-e", "error.log"}
	}
	serve := func(program string) func(config string) []string {
		return func(config string) []string {
			return []string{program, "serve", "--config", config, "--log-level", "error"}
		}
	}
	kinds := []kind{
		{name: "haproxy-tcp", config: haproxyLoads("tcp"), run: haproxy, thread: 1},
		{name: "haproxy-http", config: haproxyLoads("http"), run: haproxy, thread: 1},
		{name: "nginx", config: nginxLoads, run: nginxRun},
		{name: "nginx-operator", config: nginxOperatorLoads, run: nginxRun},
		{name: "segue", config: segueLoads, run: serve(segue)},
		{name: "other", config: segueLoads, run: serve(other)},
	}
	for i := range kinds {
		kinds[i].port = loadPort + 4*i // the throttled BE; the fast one is on the next; Segue's MySQL listener and API follow
	}
	return kinds
}

// loadPort is the first of the fronts' ports for loads.
const loadPort = 23100

// haproxyLoads splices where it can, and has no limits that a thousand loads would meet.
func haproxyLoads(mode string) string {
	return `global
	nbthread {{.Threads}}
	maxconn 4096
defaults
	mode ` + mode + `
	option splice-auto
	timeout connect 5s
	timeout client 1h
	timeout server 1h
listen throttled
	bind {{.At}} backlog 4096
	server be {{.Throttled}}
listen fast
	bind {{.Next}} backlog 4096
	server be {{.Fast}}
`
}

// nginxLoads streams: its defaults would keep each body on disk first.
const nginxLoads = `master_process off;
daemon off;
pid nginx.pid;
error_log error.log;
events { worker_connections 8192; }
http {
	access_log off;
	client_max_body_size 0;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	proxy_http_version 1.1;
	proxy_request_buffering off;
	proxy_buffering off;
	proxy_read_timeout 1h;
	server { listen {{.At}} backlog=4096; location / { proxy_pass http://{{.Throttled}}; } }
	server { listen {{.Next}} backlog=4096; location / { proxy_pass http://{{.Fast}}; } }
}
`

// nginxOperatorLoads has the settings of the FE proxy that StarRocks' operator for Kubernetes runs: HTTP/1.0 to FE and BE, the body on disk before it is passed on,
// 256 connections a worker, redirects followed within. One process in place of four workers, so that its CPU time is one figure.
const nginxOperatorLoads = `master_process off;
daemon off;
pid nginx.pid;
error_log error.log;
events { worker_connections 256; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	client_max_body_size 0;
	ignore_invalid_headers off;
	underscores_in_headers on;
	proxy_read_timeout 600s;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen {{.At}} backlog=4096;
		proxy_intercept_errors on;
		recursive_error_pages on;
		proxy_set_header Expect $http_expect;
		proxy_set_header Host $host;
		location / {
			proxy_pass http://{{.Frontend}};
			proxy_pass_request_body off;
			error_page 307 = @node;
		}
		location @node {
			set $node $upstream_http_location;
			proxy_pass $node;
		}
	}
}
`

// segueLoads has Segue's defaults.
const segueLoads = `listen: {{.MySQL}}
admin: {{.Admin}}
flavor: starrocks
users:
  - {name: bench, password: bench}
load: {listen: "{{.At}}", nodes: ["127.0.0.1"]}
backends:
  - {name: s1, address: "{{.Backend}}", health: "http://{{.Frontend}}/api/health"}
`

// knowsFrontends tells whether a front takes the FE step itself, so that the path says which BE it is.
func knowsFrontends(name string) bool {
	return name == "direct" || name == "segue" || name == "other" || name == "nginx-operator"
}

// startLoads starts a front for loads, and returns when it takes connections. Whoever starts it stops it.
func (k *kind) startLoads(ctx context.Context, dir string) (*front, error) {
	text, err := k.loadConfig()
	if err != nil {
		return nil, err
	}
	base := filepath.Join(dir, "loads-"+k.name)
	if err := errors.Join(os.MkdirAll(base, 0o755), os.WriteFile(base+".conf", []byte(text), 0o600)); err != nil {
		return nil, err
	}
	f := &front{name: k.name, at: at(k.port), said: base + ".log"}
	log, err := os.Create(f.said)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	argv := k.run(base + ".conf")
	f.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	f.cmd.Cancel = func() error { return f.cmd.Process.Signal(syscall.SIGKILL) }
	f.cmd.Env = append(os.Environ(), k.env...)
	f.cmd.Stdout, f.cmd.Stderr = log, log
	if err := f.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", k.name, err)
	}
	if err := listening(ctx, f.at.String()); err != nil {
		f.stop()
		return nil, fmt.Errorf("start %s: %w; its words are in %s", k.name, err, f.said)
	}
	return f, nil
}

// loadConfig is its configuration.
func (k *kind) loadConfig() (string, error) {
	text := &strings.Builder{}
	err := template.Must(template.New(k.name).Parse(k.config)).Execute(text, map[string]any{
		"At": at(k.port), "Next": at(k.port + 1), "MySQL": at(k.port + 2), "Admin": at(k.port + 3), "Threads": k.thread,
		"Throttled": at(throttledPort), "Fast": at(fastPort), "Frontend": at(healthPort), "Backend": at(serverPort),
	})
	return text.String(), err
}

// listening waits until an address takes connections.
func listening(ctx context.Context, address string) error {
	var err error
	for range 300 {
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", address, time.Second); err == nil {
			return conn.Close()
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return err
}
