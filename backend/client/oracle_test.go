package client

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"segue/backend/wire"
)

// provider is a credential provider that go-mysql's server does not know: it then keeps a cache as MySQL does, and asks for the full authentication
// first.
type provider struct{ *server.InMemoryProvider }

// oracle starts go-mysql's server, which authenticates with this plugin by its own code.
func oracle(t *testing.T, plugin string) (address string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return oracleShowing(t, plugin, tls.Certificate{PrivateKey: key})
}

// publicPEM is what a server shows of its key.
func publicPEM(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.(crypto.Signer).Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// oracleShowing shows this certificate.
func oracleShowing(t *testing.T, plugin string, cert tls.Certificate) (address string) {
	t.Helper()
	users := provider{server.NewInMemoryProvider()}
	users.AddUser("app", "correct horse")
	srv := server.NewServer("8.0.33", mysql.DEFAULT_COLLATION_ID, plugin, publicPEM(t, cert.PrivateKey), &tls.Config{Certificates: []tls.Certificate{cert}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				c, err := srv.NewCustomizedConn(nc, users, server.EmptyHandler{})
				for err == nil && !c.Closed() {
					err = c.HandleCommand()
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// Another's server lets our logins in: by caching_sha2_password in full, from its cache, and by mysql_native_password.
func TestLoginAgainstOracle(t *testing.T) {
	for _, plugin := range []string{mysql.AUTH_NATIVE_PASSWORD, mysql.AUTH_CACHING_SHA2_PASSWORD} {
		address := oracle(t, plugin)
		ctx := within(t, patience)
		for _, round := range []string{"first", "cached"} {
			c, err := loggedIn(ctx, t, address, "app", Password("correct horse").Trusting(Trust{AnyKey: true}))
			if err == nil {
				err = c.Run(ctx, true, Command{Command: wire.ComPing})
			}
			if err != nil {
				t.Errorf("%s, %s: %v", plugin, round, err)
			}
		}
		var e *Error
		if _, err := loggedIn(ctx, t, address, "app", Password("wrong")); !errors.As(err, &e) || e.Kind != Denied {
			t.Errorf("%s, wrong password: %v", plugin, err)
		}
	}
}
