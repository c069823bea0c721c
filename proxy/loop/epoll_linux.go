package loop

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxEvents is how many connections one turn hears of.
	maxEvents = 256
	// maxBurst is how long a loop goes on before it lets the scheduler look at the other goroutines, and at the network for them.
	maxBurst = int64(time.Millisecond)
	// What events say that are no connection's.
	fdMail, fdAlarm = -1, -2
)

// epoll is the poller of a loop with an epoll set of its own. See the package's documentation for how it sleeps.
type epoll struct {
	l      *Loop
	file   *os.File // the set
	fd     int      // its descriptor
	mail   int      // an eventfd
	alarm  int      // a timerfd
	armed  int64    // when that expires; 0: never
	events [maxEvents]unix.EpollEvent
}

func newPoller(l *Loop) (poller, error) {
	p := &epoll{l: l, fd: -1, mail: -1, alarm: -1}
	if err := p.open(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *epoll) open() (err error) {
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err = unix.SetNonblock(p.fd, true); err != nil { // so that os.NewFile hands it to the runtime's poller
		return os.NewSyscallError("fcntl", err)
	}
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	if p.mail, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	if p.alarm, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	// Neither is ever read: being edge-triggered, they announce each write and each expiry.
	for fd, as := range map[int]int32{p.mail: fdMail, p.alarm: fdAlarm} {
		if err = unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: as}); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	return nil
}

func (p *epoll) close() {
	if p.file != nil {
		_ = p.file.Close()
	} else if p.fd >= 0 {
		_ = unix.Close(p.fd)
	}
	for _, fd := range []int{p.mail, p.alarm} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// run is one call of RawConn.Read for as long as the loop lives: a new one would discard the edges that have come since the last.
func (p *epoll) run() error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(p.awake)
}

// awake is called when something has happened. It returns false to sleep.
func (p *epoll) awake(uintptr) bool {
	l := p.l
	woke := l.begin()
	for {
		left, more := l.turn()
		switch tired := l.now-woke > maxBurst; {
		case l.over:
			return true
		case left && tired:
			p.wake() // no event will speak of what is left
		case left, more && !tired:
			continue
		}
		break
	}
	p.arm()
	return false
}

// collect asks the kernel once, without waiting. When it has given less than there was room for, the set was empty, and whatever has happened since
// raises a new edge in the runtime's poller: nobody need ask again to sleep soundly.
func (p *epoll) collect() (n int, most, mail bool) {
	r, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), maxEvents, 0, 0, 0)
	if errno != 0 {
		return 0, errno == syscall.EINTR, false
	}
	for i := range p.events[:r] {
		switch e := &p.events[i]; {
		case e.Fd >= 0:
			n++
			p.l.mark(key{e.Fd, uint32(e.Pad)}, bitsOf(e.Events))
		case e.Fd == fdMail:
			mail = true
		case e.Fd == fdAlarm:
			p.armed = 0
		}
	}
	return n, r == maxEvents, mail
}

// bitsOf is what events mean.
func bitsOf(events uint32) (bits flags) {
	if events&unix.EPOLLIN != 0 {
		bits = canRead
	}
	if events&unix.EPOLLOUT != 0 {
		bits |= canWrite
	}
	if events&unix.EPOLLRDHUP != 0 {
		bits |= canRead | hungUp
	}
	if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		bits |= canRead | canWrite | hungUp | peerGone
	}
	return bits
}

// arm sets the alarm if a timer is due before it. Timers that have been stopped or put off let it go off for nothing: that is cheaper.
func (p *epoll) arm() {
	due, found := p.l.timers.next()
	if !found || p.armed != 0 && p.armed <= due {
		return
	}
	p.armed = max(due, 1)
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, due-p.l.now))}
	_, _, _ = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(p.alarm), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

// add watches a descriptor for everything, once and for all: no system call is ever spent on what it is watched for. Of a UNIX socket the kernel tells
// that there is room each time the peer has read something, be room wanted or not (net/unix/af_unix.c: unix_write_space): that is asked for by [epoll.room].
func (p *epoll) add(fd int32, gen uint32, of flags) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: fd, Pad: int32(gen)}
	switch {
	case of&listens != 0:
		e.Events = unix.EPOLLIN | unix.EPOLLET
	case of&local != 0:
		e.Events &^= unix.EPOLLOUT
	}
	return p.control(unix.EPOLL_CTL_ADD, fd, &e)
}

// room has a UNIX socket watched for room too, or not any more. What there is at this moment is told.
func (p *epoll) room(fd int32, gen uint32, tell bool) {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: fd, Pad: int32(gen)}
	if tell {
		e.Events |= unix.EPOLLOUT
	}
	_ = p.control(unix.EPOLL_CTL_MOD, fd, &e) // of a descriptor that is watched
}

func (p *epoll) remove(fd int32) { _ = p.control(unix.EPOLL_CTL_DEL, fd, &unix.EpollEvent{}) }

func (p *epoll) control(op int, fd int32, e *unix.EpollEvent) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(e)), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("epoll_ctl", errno)
	}
	return nil
}

func (p *epoll) wake() {
	one := uint64(1)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(p.mail), uintptr(unsafe.Pointer(&one)), 8)
}
