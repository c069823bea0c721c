package facts

import (
	"context"
	"net/url"
	"strings"
	"time"

	"segue/cmd/internal/rollout"
)

// image is what the leader has told of the last image of the metadata.
type image struct {
	at    time.Time // when it was written; zero: not known
	asked time.Time
}

// imageAgain is for how long an answer is good enough: images are hours apart, and asking sends a password.
const imageAgain = time.Minute

// askImage asks the leader's page /ha when the metadata were last written as an image. No statement tells.
func (s *Source) askImage(ctx context.Context, f *rollout.Facts) {
	if time.Since(s.image.asked) < imageAgain {
		f.Image = s.image.at
		return
	}
	for i := range f.Nodes {
		if n := &f.Nodes[i]; n.Role == rollout.Leader {
			f.Image = s.imageOf(ctx, n)
			s.image = image{f.Image, time.Now()}
			return
		}
	}
}

// imageOf asks a frontend. The password goes over plain HTTP only where connections to it are not required to be secured.
func (s *Source) imageOf(ctx context.Context, n *rollout.Node) time.Time {
	spec := s.spec(n.Address)
	if spec.HealthURL == "" {
		spec.HealthURL = s.healthURL(n)
	}
	u, err := url.Parse(spec.HealthURL)
	if err != nil || u.Host == "" {
		return time.Time{}
	}
	user, password := s.User, s.Password
	if u.User != nil {
		user = u.User.Username()
		password, _ = u.User.Password()
	}
	if u.Scheme != "https" && spec.TLS != nil && spec.TLS.Mode().Insists() {
		user, password = "", ""
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	text, err := get(ctx, (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/ha"}).String(), user, password)
	if err != nil {
		return time.Time{}
	}
	return checkpoint(string(text))
}

// checkpoint finds the time in the page /ha, written as java.util.Date does: with the abbreviation of a time zone. One that is neither this machine's nor UTC says nothing: CST is
// fourteen hours from CST.
func checkpoint(text string) time.Time {
	_, rest, ok := strings.Cut(text, "last checkpoint time:")
	if !ok {
		return time.Time{}
	}
	rest, _, _ = strings.Cut(rest, "<")
	at, err := time.Parse(time.UnixDate, strings.TrimSpace(rest))
	if err != nil {
		return time.Time{}
	}
	if zone, offset := at.Zone(); offset == 0 && zone != "UTC" && zone != "GMT" && at.Location() != time.Local {
		return time.Time{} // package time makes up such a zone
	}
	return at
}

// CreateImage has the metadata written as an image.
func (s *Source) CreateImage(ctx context.Context) error {
	c, err := s.dial(ctx, "")
	if err != nil {
		return err
	}
	defer c.Close()
	s.image = image{}
	_, err = s.query(ctx, c, "ALTER SYSTEM CREATE IMAGE")
	return err
}
