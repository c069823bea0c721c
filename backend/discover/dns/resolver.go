package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// The patience of a question.
const (
	tries   = 2
	tryTime = 2 * time.Second
)

// confPath is where the system says whom to ask.
const confPath = "/etc/resolv.conf"

// Resolver asks name servers. It is not for several goroutines at a time.
type Resolver struct {
	// Servers are those that are asked, "IP:port", all of them. None: those that the system's resolv.conf names, which is read again each time.
	Servers []string
	// ConfPath is where that is; empty: /etc/resolv.conf.
	ConfPath string

	heard    map[string]time.Time // server → when it last knew something
	answered map[string]string    // name as it was written → whole name that has had an answer: no other is asked for any more
}

// forgetting is how long a name server that no longer answers is held to know what others do not.
const forgetting = 5 * time.Minute

// Lookup asks for a name as it was written, by the search list if there is one. Of several servers what any of them knows counts; partial says that one which knew
// something lately has not answered, so that what the others do not name may be there all the same.
func (r *Resolver) Lookup(ctx context.Context, name string, kind Kind) (found Result, partial bool, err error) {
	c := Conf{Ndots: 1}
	path := r.ConfPath
	if path == "" {
		path = confPath
	}
	if text, err := os.ReadFile(path); err == nil {
		c = ParseResolvConf(string(text))
	} else if len(r.Servers) == 0 {
		return Result{}, false, fmt.Errorf("read who is to be asked: %w", err)
	}
	if len(r.Servers) > 0 {
		c.Servers = r.Servers
	}
	// The search list goes on where there is nothing, and only there: behind a name that could not be asked for may be another cluster's.
	names := c.Names(name)
	if full := r.answered[name]; slices.Contains(names, full) {
		names = []string{full}
	}
	for _, full := range names {
		if found, partial, err = r.ask(ctx, c.Servers, full, kind); err == nil {
			if r.answered == nil {
				r.answered = make(map[string]string)
			}
			r.answered[name] = full
		}
		if err == nil || !missing(err) || ctx.Err() != nil {
			return found, partial, err
		}
	}
	return Result{}, false, err
}

// missing reports whether a name server has said that there is nothing.
func missing(err error) bool { return errors.Is(err, ErrNoName) || errors.Is(err, ErrNone) }

// ask asks all servers for one whole name.
func (r *Resolver) ask(ctx context.Context, servers []string, name string, kind Kind) (sum Result, partial bool, err error) {
	results, errs := make([]Result, len(servers)), make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { results[i], errs[i] = exchange(ctx, s, name, kind) })
	}
	wg.Wait()
	now, good := time.Now(), 0
	if r.heard == nil {
		r.heard = make(map[string]time.Time)
	}
	for i, s := range servers {
		switch {
		case errs[i] == nil:
			sum.add(results[i], good == 0)
			r.heard[s] = now
			good++
		case !missing(errs[i]):
			partial = partial || now.Sub(r.heard[s]) < forgetting
		}
	}
	if good > 0 {
		return sum, partial, nil
	}
	for i, s := range servers {
		if !missing(errs[i]) {
			return Result{}, false, fmt.Errorf("ask %s for %s of %s: %w", s, kindName(kind), name, errs[i])
		}
	}
	return Result{}, false, fmt.Errorf("%s of %s: %w", kindName(kind), name, errs[0])
}

func kindName(k Kind) string {
	switch k {
	case A:
		return "A"
	case AAAA:
		return "AAAA"
	case SRV:
		return "SRV"
	default:
		return k.String()
	}
}

// add puts in what another server has answered.
func (r *Result) add(o Result, first bool) {
	for _, a := range o.Addresses {
		if !slices.Contains(r.Addresses, a) {
			r.Addresses = append(r.Addresses, a)
		}
	}
	for _, t := range o.Targets {
		if !slices.Contains(r.Targets, t) {
			r.Targets = append(r.Targets, t)
		}
	}
	if first || o.TTL < r.TTL {
		r.TTL = o.TTL
	}
}

// exchange asks one server, by UDP, and by TCP if the answer does not fit.
func exchange(ctx context.Context, server, name string, kind Kind) (r Result, err error) {
	extended := true
	for range tries {
		if r, err = once(ctx, "udp", server, name, kind, extended); errors.Is(err, ErrFormat) && extended {
			extended = false
			r, err = once(ctx, "udp", server, name, kind, extended)
		}
		if errors.Is(err, ErrTruncated) {
			r, err = once(ctx, "tcp", server, name, kind, extended)
		}
		if err == nil || missing(err) || ctx.Err() != nil {
			return r, err
		}
	}
	return r, err
}

// once asks once. Each question has a socket, and with it a port, of its own.
func once(ctx context.Context, network, server, name string, kind Kind, extended bool) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	id := uint16(rand.Uint32())
	question, err := Ask(id, name, kind, extended)
	if err != nil {
		return Result{}, err
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, server)
	if err != nil {
		return Result{}, err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { _ = nc.Close() })()
	if network == "tcp" {
		question = append(binary.BigEndian.AppendUint16(nil, uint16(len(question))), question...)
	}
	if _, err := nc.Write(question); err != nil {
		return Result{}, ended(ctx, err)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := readMessage(nc, network, buf)
		if err != nil {
			return Result{}, ended(ctx, err)
		}
		r, err := Read(buf[:n], id, name, kind)
		if network == "udp" && errors.Is(err, ErrNotOurs) {
			continue // anybody can send that; the answer may be on its way
		}
		return r, err
	}
}

func readMessage(nc net.Conn, network string, buf []byte) (int, error) {
	if network != "tcp" {
		return nc.Read(buf)
	}
	if _, err := io.ReadFull(nc, buf[:2]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	return io.ReadFull(nc, buf[:n])
}

// ended says that time was up, where that is why the connection was closed.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("no answer")
	}
	return err
}
