// Package accounts is where accounts stand on backends, for all sessions, so that what one login was told the next ones know. Two things are told:
//
//   - the account has as many connections there as it may have. It then gets one trial a second there, until one is let in;
//   - it is not let in with a credential by which Segue answers in the client's place. A server locks an account after a few such logins, so that
//     the credential rests, longer each time ([backend.Refusals]), until a login by it succeeds. Another credential, as after a change of
//     the file, does not.
//
// A login by a credential that has not been let in a moment ago goes alone, and others wait for what comes of it: sixteen sessions that leave one backend
// together could otherwise do on another what locks the account.
//
// A login to which the client itself answers is the client's business, but for the limit.
//
// It decides, and holds a lock while it does; waiting is its callers' business, and so is the clock.
package accounts

import (
	"container/list"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
)

// Accounts is what is known of all accounts. The zero value knows nothing.
type Accounts struct {
	mu sync.Mutex // guards what follows, and all standings
	of map[place]*standing
}

// place is an account on a backend.
type place struct {
	backend *backend.Backend
	user    string
}

// standing is what is known of it.
type standing struct {
	full   *wire.Err // what was said that it has too many connections; nil: it has room, for all that is known
	next   time.Time // … and until when nobody is to try
	proofs []*proof
}

// proof is where one credential stands.
type proof struct {
	cred     *client.Credential
	refusals backend.Refusals
	cause    error     // of the last refusal
	refused  time.Time // when that was
	good     time.Time // when it was let in last
	pilot    *pilot    // nil: there is none
}

// pilot is a login for whose end others wait.
type pilot struct{ waiting list.List } // of func()

const (
	// trialEvery is the time from one trial of an account that has too many connections to the next.
	trialEvery = time.Second
	// trustFor is how long a credential that has been let in may be used by many at once.
	trustFor = time.Second
	// rememberFor is how long something is remembered that nobody asks for.
	rememberFor = 10 * time.Minute
)

// trusted reports whether logins by it need not wait for each other.
func (p *proof) trusted(now time.Time) bool {
	return !p.refusals.Standing() && !p.good.IsZero() && now.Sub(p.good) < trustFor
}

// barred is why a login by it is not to be tried now, or nil.
func (p *proof) barred(user string, now time.Time) *BarredError {
	if !p.refusals.Bar(now) {
		return nil
	}
	return &BarredError{user, p.refusals.Until(), p.cause}
}

// barred is why no login of the account is to be tried now, or nil.
func (st *standing) barred(user string, now time.Time) *BarredError {
	if st.full == nil || !now.Before(st.next) {
		return nil
	}
	return &BarredError{user, st.next, st.full}
}

// proof finds the one of a credential, or nil; c may be nil.
func (st *standing) proof(c *client.Credential) *proof {
	if c == nil {
		return nil
	}
	for _, p := range st.proofs {
		if p.cred.ProvesLike(c) {
			return p
		}
	}
	return nil
}

// letIn reports whether the account has been let in since, with another credential.
func (st *standing) letIn(since time.Time) bool {
	return slices.ContainsFunc(st.proofs, func(p *proof) bool { return p.good.After(since) })
}

// standing needs a.mu.
func (a *Accounts) standing(at place) *standing {
	st := a.of[at]
	if st == nil {
		if a.of == nil {
			a.of = map[place]*standing{}
		}
		st = new(standing)
		a.of[at] = st
	}
	return st
}

// Barred is why none of these credentials may be tried for user on b now, nil if one may; without any it is asked for a login that the client answers.
func (a *Accounts) Barred(b *backend.Backend, user string, creds []*client.Credential, now time.Time) (first *BarredError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(creds) == 0 {
		return a.barredLocked(b, user, nil, now)
	}
	for _, c := range creds {
		err := a.barredLocked(b, user, c, now)
		if err == nil {
			return nil
		}
		if first == nil || err.Until.Before(first.Until) {
			first = err
		}
	}
	return first
}

func (a *Accounts) barredLocked(b *backend.Backend, user string, c *client.Credential, now time.Time) *BarredError {
	account := c.Account(user)
	st := a.of[place{b, account}]
	if st == nil {
		return nil
	}
	if err := st.barred(account, now); err != nil {
		return err
	}
	if p := st.proof(c); p != nil {
		return p.barred(account, now)
	}
	return nil
}

// Enter asks for leave to log in for user on b, by cred, or nil where the client answers. It gives that; or an error, a [*BarredError]; or it is to be
// called again when wake has been: once, without a lock of a's, by whoever has ended the login that this one waits for. It must neither block nor panic.
func (a *Accounts) Enter(b *backend.Backend, user string, cred *client.Credential, now time.Time, wake func()) (*Leave, *Wait, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := place{b, cred.Account(user)}
	l := &Leave{accounts: a, at: at}
	if cred == nil && a.of[at] == nil {
		return l, nil, nil
	}
	st := a.standing(at)
	if barred := st.barred(at.user, now); barred != nil {
		return nil, nil, barred
	}
	if cred != nil {
		p := st.proof(cred)
		if p == nil {
			p = &proof{cred: cred}
			st.proofs = append(st.proofs, p)
		}
		if barred := p.barred(at.user, now); barred != nil {
			return nil, nil, barred
		}
		if !p.trusted(now) {
			if p.pilot != nil {
				return nil, &Wait{a, p.pilot, p.pilot.waiting.PushBack(wake)}, nil
			}
			p.pilot, l.pilot = new(pilot), true
		}
		l.proof = p
	}
	if st.full != nil {
		st.next = now.Add(trialEvery)
	}
	return l, nil, nil
}

// Free is the leave of a login that has nowhere else to go, and is not to be kept from b.
func (a *Accounts) Free(b *backend.Backend, user string) *Leave {
	return &Leave{accounts: a, at: place{b, user}}
}

// Wait is a login's that waits for another one.
type Wait struct {
	accounts *Accounts
	pilot    *pilot
	at       *list.Element
}

// GiveUp ends a wait of no use any more: wake is not called, unless it is being so already.
func (w *Wait) GiveUp() {
	w.accounts.mu.Lock()
	defer w.accounts.mu.Unlock()
	w.pilot.waiting.Remove(w.at)
}

// Leave is what a login may begin with. Whoever has it says how the login ended, or drops it.
type Leave struct {
	accounts *Accounts
	at       place
	proof    *proof // of the credential by which Segue answers; nil: the client does
	pilot    bool   // others wait for this login
	ended    bool
}

// End says what came of the login. cred is what was answered by, or what has been learned from a client's answers; nil: nothing was. Only the first
// call counts.
func (l *Leave) End(now time.Time, cred *client.Credential, err error) {
	l.accounts.mu.Lock()
	if l.ended {
		l.accounts.mu.Unlock()
		return
	}
	if err == nil {
		l.accepted(now, cred)
	} else {
		l.failed(now, cred, err)
	}
	waited := l.leaveLocked()
	l.accounts.mu.Unlock()
	tell(waited)
}

// failed needs the lock.
func (l *Leave) failed(now time.Time, cred *client.Credential, err error) {
	said := new(wire.Err)
	switch {
	case errors.As(err, &said) && said.Refuses() == wire.AccountFull:
		st := l.accounts.standing(l.at)
		st.full, st.next = said, now.Add(trialEvery)
	case l.proof != nil && cred != nil && (errors.As(err, new(*client.UnprovableError)) || errors.As(err, &said) && said.Refuses() == wire.AccountRefused):
		l.refused(now, err)
	}
}

// refused needs the lock.
func (l *Leave) refused(now time.Time, err error) {
	l.proof.refusals.Refused(now)
	l.proof.cause, l.proof.refused, l.proof.good = err, now, time.Time{}
	if said := new(wire.Err); errors.As(err, &said) {
		l.proof.cause = said
	}
}

// accepted needs the lock.
func (l *Leave) accepted(now time.Time, cred *client.Credential) {
	st := l.accounts.of[l.at]
	if st == nil {
		return
	}
	st.full = nil
	if p := st.proof(cred); p != nil {
		p.refusals.Accepted()
		p.good = now
	}
}

// Relayed says that the client answers after all.
func (l *Leave) Relayed() {
	l.accounts.mu.Lock()
	waited := l.land()
	l.proof = nil
	l.accounts.mu.Unlock()
	tell(waited)
}

// Drop ends a login of which nothing came, if it has not ended.
func (l *Leave) Drop() {
	l.accounts.mu.Lock()
	var waited []func()
	if !l.ended {
		waited = l.leaveLocked()
	}
	l.accounts.mu.Unlock()
	tell(waited)
}

func (l *Leave) leaveLocked() (waited []func()) {
	l.ended = true
	return l.land()
}

// land returns the wakes of those that have waited for this login. It needs the lock.
func (l *Leave) land() (waited []func()) {
	if !l.pilot {
		return nil
	}
	for e := l.proof.pilot.waiting.Front(); e != nil; e = e.Next() {
		waited = append(waited, e.Value.(func()))
	}
	l.proof.pilot, l.pilot = nil, false
	return waited
}

// tell must not be called with the lock held: who is told may come back.
func tell(waited []func()) {
	for _, wake := range waited {
		wake()
	}
}

// Forget drops what nobody has asked for since long.
func (a *Accounts) Forget(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for at, st := range a.of {
		st.proofs = slices.DeleteFunc(st.proofs, func(p *proof) bool {
			return p.pilot == nil && now.Sub(p.good) >= rememberFor && now.Sub(p.refusals.Until()) >= rememberFor
		})
		if st.full != nil && now.Sub(st.next) >= rememberFor {
			st.full = nil
		}
		if len(st.proofs) == 0 && st.full == nil || at.backend.Status().Removed {
			delete(a.of, at)
		}
	}
}

// Account is an account that a backend does not let in at the moment.
type Account struct {
	Backend string    `json:"backend"`
	User    string    `json:"user"`
	Cause   string    `json:"cause"`
	Until   time.Time `json:"until"` // Segue does not try before
}

// List lists the accounts that some backend does not let in: Segue's credential was refused, or there are too many connections of it.
func (a *Accounts) List() []Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := []Account{}
	for at, st := range a.of {
		if st.full != nil {
			all = append(all, Account{at.backend.Name(), wire.Shown(at.user, wire.MaxShown), st.full.Error(), st.next})
		}
		for _, p := range st.proofs {
			if p.refusals.Standing() && !st.letIn(p.refused) {
				all = append(all, Account{at.backend.Name(), wire.Shown(at.user, wire.MaxShown), p.cause.Error(), p.refusals.Until()})
			}
		}
	}
	slices.SortFunc(all, func(x, y Account) int {
		return strings.Compare(x.Backend+"\x00"+x.User+"\x00"+x.Cause, y.Backend+"\x00"+y.User+"\x00"+y.Cause)
	})
	return all
}

// Words is what b has said to the last login of an account, if it does not let it in; nil if it does, for all that is known, or if it was not b that
// refused.
func (a *Accounts) Words(b *backend.Backend, user string, cred *client.Credential) *wire.Err {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := a.of[place{b, cred.Account(user)}]
	if st == nil {
		return nil
	}
	if st.full != nil {
		return st.full
	}
	said := new(wire.Err)
	if p := st.proof(cred); p != nil && p.refusals.Standing() && errors.As(p.cause, &said) {
		return said
	}
	return nil
}

// BarredError says that a login is not tried now. What the server has said is not to be taken for something that it says now, so that it is not
// what this error wraps.
type BarredError struct {
	User  string
	Until time.Time
	cause error // what the server has said the last time
}

// Error implements error.
func (e *BarredError) Error() string {
	return fmt.Sprintf("account %.80s waits until %s: %v", e.User, e.Until.Format(time.TimeOnly), e.cause)
}
