package proxy

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"segue/backend/client"
)

// User is what the operator says of one account, so that Segue can log in for its clients.
type User struct {
	Name string
	// Password is known if HasPassword says so; it may be empty.
	Password    string
	HasPassword bool
	// Hash is SHA1(SHA1(password)), which mysql_native_password stores; known if HasHash says so. Segue cannot log in with it,
	// but learns from it and from a client's answer what it needs.
	Hash    [20]byte
	HasHash bool
	// Service says that the account has IMPERSONATE: a StarRocks FE lets it become another user. It needs Password.
	Service bool
	// Trust says whom the password may be given to, if a server wants it whole.
	Trust client.Trust
	// Requires is what the connection of its clients has to be like. A user may have that alone.
	Requires client.Requirement

	known *client.Account // that, for logins; nil: it is made for each
}

// account is what is said of the user's password, for logins.
func (u *User) account() *client.Account {
	if u.known != nil {
		return u.known
	}
	return client.NewAccount(client.Account{Password: u.Password, HasPassword: u.HasPassword, Hash: u.Hash, HasHash: u.HasHash, Trust: u.Trust, Requires: u.Requires})
}

// accountsOf makes the accounts of users, so that all sessions of one have one credential.
func accountsOf(users []User) []User {
	users = slices.Clone(users)
	for i := range users {
		users[i].known = nil
		users[i].known = users[i].account()
	}
	return users
}

// String names the user and what is known of it, without any secret.
func (u User) String() string {
	known := "nothing"
	switch {
	case u.HasPassword:
		known = "password"
	case u.HasHash:
		known = "hash"
	}
	text := fmt.Sprintf("%s (%s)", u.Name, known)
	if u.Service {
		text += " service"
	}
	return text
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (u User) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(u.String())) }

// LogValue implements [slog.LogValuer].
func (u User) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalJSON implements [json.Marshaler].
func (u User) MarshalJSON() ([]byte, error) { return json.Marshal(u.String()) }

// user finds a user of this name that has a password or a hash.
func (o *Options) user(name string) *User {
	for i := range o.Users {
		if u := &o.Users[i]; u.Name == name && (u.HasPassword || u.HasHash) {
			return u
		}
	}
	return nil
}

// service finds the service account, nil if there is none.
func (o *Options) service() *User {
	for i := range o.Users {
		if u := &o.Users[i]; u.Service && u.HasPassword {
			return u
		}
	}
	return nil
}
