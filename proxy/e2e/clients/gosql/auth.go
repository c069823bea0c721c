package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// whoami is the account that a connection made with config logged in to.
func whoami(ctx context.Context, config *mysql.Config) (string, error) {
	return one(ctx, config, "SELECT CURRENT_USER()")
}

// as returns the default way in for another account.
func (s *suite) as(user, password string) *mysql.Config {
	config := s.config()
	config.User, config.Passwd = user, password
	return config
}

var authChecks = []check{
	{"auth.password", func(ctx context.Context, s *suite) (string, error) { return whoami(ctx, s.config()) }},
	{"auth.empty", func(ctx context.Context, s *suite) (string, error) { return whoami(ctx, s.as("e2e_empty", "")) }},
	{"auth.wrong_password", func(ctx context.Context, s *suite) (string, error) {
		_, err := whoami(ctx, s.as("e2e", "wrong"))
		return code(err)
	}},
	{"auth.empty_password_wrong", func(ctx context.Context, s *suite) (string, error) {
		_, err := whoami(ctx, s.as("e2e", ""))
		return code(err)
	}},
	{"auth.unknown_database", func(ctx context.Context, s *suite) (string, error) {
		config := s.config()
		config.DBName = "nowhere"
		_, err := whoami(ctx, config)
		return code(err)
	}},
	{"auth.ed25519", func(ctx context.Context, s *suite) (string, error) {
		// Of the nonces that a server may send, the driver takes those that end in NUL, one in 256, for malformed: it
		// takes the NUL for a terminator.
		for range 3 {
			who, err := whoami(ctx, s.as("e2e_ed25519", "edwards"))
			if !errors.Is(err, mysql.ErrMalformPkt) {
				return who, err
			}
		}
		return "", mysql.ErrMalformPkt
	}},
	{"auth.switch", func(ctx context.Context, s *suite) (string, error) {
		// The driver follows one AuthSwitchRequest; a second one it takes for a malformed packet.
		_, err := whoami(ctx, s.as("e2e_multi", "native"))
		if !errors.Is(err, mysql.ErrMalformPkt) {
			return "", fmt.Errorf("a second AuthSwitchRequest: %w", err)
		}
		return "malformed packet", nil
	}},
	{"auth.no_database", func(ctx context.Context, s *suite) (string, error) {
		config := s.config()
		config.DBName = ""
		return one(ctx, config, "SELECT DATABASE()")
	}},
	{"auth.attributes", func(ctx context.Context, s *suite) (string, error) {
		config := s.config()
		config.ConnectionAttributes = fmt.Sprintf("program_name:e2e,long:%0500d", 7)
		return whoami(ctx, config)
	}},
	{"auth.charset", func(ctx context.Context, s *suite) (string, error) {
		config := s.config()
		if err := config.Apply(mysql.Charset("latin1", "latin1_german1_ci")); err != nil {
			return "", err
		}
		return one(ctx, config, "SELECT CONCAT(@@character_set_client, ' ', @@collation_connection, ' ', HEX('é'))")
	}},
	{"compress", func(ctx context.Context, s *suite) (string, error) {
		config := s.config()
		if err := config.Apply(mysql.EnableCompression(true)); err != nil {
			return "", err
		}
		text, err := one(ctx, config, "SELECT REPEAT('compress me ', 100000)")
		return quoted(text), err
	}},
}
