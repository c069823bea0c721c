package proxy

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
)

// sleepers watches the sockets of all sessions that nap, by an epoll of its own. The runtime's poller watches that one in turn: nothing blocks.
type sleepers struct {
	log *slog.Logger

	mu    sync.Mutex // guards what follows
	file  *os.File   // nil: there is none, and nobody naps
	epfd  int
	naps  map[uint64]*session
	next  uint64
	ended chan struct{}
}

// start begins to watch, and returns what ends it: it is waited for.
func (w *sleepers) start() (stop func()) {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err == nil {
		err = syscall.SetNonblock(epfd, true) // so that os.NewFile hands it to the runtime's poller
	}
	if err != nil {
		w.log.Warn("idle sessions will take more memory: cannot watch them together", "cause", os.NewSyscallError("epoll_create1", err))
		return func() {}
	}
	w.mu.Lock()
	w.file, w.epfd, w.naps, w.ended = os.NewFile(uintptr(epfd), "epoll"), epfd, map[uint64]*session{}, make(chan struct{})
	file := w.file
	w.mu.Unlock()
	go w.run(file)
	return func() {
		w.mu.Lock()
		w.file = nil
		w.mu.Unlock()
		_ = file.Close()
		<-w.ended
	}
}

func (w *sleepers) open() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.file != nil
}

// run stirs each session for which something has come, until the file is closed.
func (w *sleepers) run(file *os.File) {
	defer close(w.ended)
	defer w.stirAll()
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	var events [128]syscall.EpollEvent
	for {
		n := 0
		if raw.Read(func(fd uintptr) bool {
			n, _ = syscall.EpollWait(int(fd), events[:], 0)
			return n > 0
		}) != nil {
			return
		}
		for _, e := range events[:n] {
			if s := w.find(uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32); s != nil {
				s.stir()
			}
		}
	}
}

// stirAll lets nobody nap any more.
func (w *sleepers) stirAll() {
	w.mu.Lock()
	w.file = nil
	all := slices.Collect(maps.Values(w.naps))
	w.mu.Unlock()
	for _, s := range all {
		s.stir()
	}
}

func (w *sleepers) find(id uint64) *session {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.naps[id]
}

// add watches both sockets of a session. The caller holds its mu. It reports false if it cannot.
func (w *sleepers) add(s *session) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return false
	}
	w.next++
	s.nap.id = w.next
	w.naps[s.nap.id] = s
	if w.control(syscall.EPOLL_CTL_ADD, s.client, s.nap.id) && w.control(syscall.EPOLL_CTL_ADD, s.back, s.nap.id) {
		return true
	}
	w.forget(s, s.nap.id)
	return false
}

func (w *sleepers) remove(s *session, id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		w.forget(s, id)
	}
}

func (w *sleepers) forget(s *session, id uint64) {
	delete(w.naps, id)
	_ = w.control(syscall.EPOLL_CTL_DEL, s.client, 0)
	_ = w.control(syscall.EPOLL_CTL_DEL, s.back, 0)
}

// control adds a socket to the epoll, or removes it.
func (w *sleepers) control(op int, c *conn, id uint64) (ok bool) {
	event := syscall.EpollEvent{
		Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | 1<<30, // EPOLLONESHOT
		Fd:     int32(uint32(id)), Pad: int32(uint32(id >> 32)),
	}
	err := c.raw.Control(func(fd uintptr) { ok = syscall.EpollCtl(w.epfd, op, int(fd), &event) == nil })
	return ok && err == nil
}
