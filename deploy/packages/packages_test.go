package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// built is where TestMain has built what is packed: the program, its pages, what completes it.
var built string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "segue-packages")
		if err == nil {
			defer os.RemoveAll(dir)
			built = dir
			err = build(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "build what is packed:", err)
			return 1
		}
		return m.Run()
	}())
}

// build makes what make release has before it makes packages.
func build(dir string) error {
	if err := buildProgram(filepath.Join(dir, "segue"), "1.0.0"); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "completion"), 0o755); err != nil {
		return err
	}
	for shell, file := range map[string]string{"bash": "segue.bash", "zsh": "_segue", "fish": "segue.fish"} {
		script, err := exec.Command(filepath.Join(dir, "segue"), "completion", shell).Output()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "completion", file), script, 0o600); err != nil {
			return err
		}
	}
	return exec.Command(filepath.Join(dir, "segue"), "man", filepath.Join(dir, "man")).Run()
}

func buildProgram(path, version string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", path, "./cmd/segue")
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// these is what a package of some version is made of.
func these(binary, version string) input {
	return input{
		binary: binary, arch: "amd64", version: version, man: filepath.Join(built, "man"), completion: filepath.Join(built, "completion"),
		deploy: "..", compression: "gzip", maintainer: "The Segue authors <segue@localhost>", time: time.Unix(1_790_000_000, 0).UTC(),
	}
}

// pack makes a package, and returns its path.
func pack(t *testing.T, in input, format string) string {
	t.Helper()
	made, err := in.pack(t.TempDir(), format)
	if err != nil {
		t.Fatal(err)
	}
	return made[0]
}

// packages are a deb and an rpm of the program, made once.
var packages = sync.OnceValues(func() ([]string, error) {
	return these(filepath.Join(built, "segue"), "v1.0.0").pack(filepath.Join(built, "out"), "deb,rpm")
})

func onePackage(t *testing.T, format string) string {
	t.Helper()
	list, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	return list[slices.Index([]string{"deb", "rpm"}, format)]
}

// output runs a command that must be there and succeed.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := attempt(t.Context(), name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\n(deploy/packages/setup.sh installs what is missing)", name, strings.Join(args, " "), err, out)
	}
	return out
}

func attempt(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// has fails the test unless a text has each of some lines, or parts of them.
func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in\n%s", p, text)
		}
	}
}

// Where and when a package is built is no part of it.
func TestReproducible(t *testing.T) {
	for _, format := range []string{"deb", "rpm"} {
		in := these(filepath.Join(built, "man", "segue.1"), "v1.0.0") // a small program
		first := pack(t, in, format)
		copied := filepath.Join(t.TempDir(), "elsewhere")
		b, err := os.ReadFile(in.binary)
		if err == nil {
			err = os.WriteFile(copied, b, 0o700) // another name, time and mode
		}
		if err != nil {
			t.Fatal(err)
		}
		in.binary = copied
		if a, b := sum(t, first), sum(t, pack(t, in, format)); a != b {
			t.Errorf("%s: %x and %x", format, a, b)
		}
		in.time = in.time.Add(time.Hour)
		if a, b := sum(t, first), sum(t, pack(t, in, format)); a == b {
			t.Errorf("%s does not depend on SOURCE_DATE_EPOCH", format)
		}
	}
}

func sum(t *testing.T, path string) [32]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

func TestDeb(t *testing.T) {
	t.Parallel()
	deb := onePackage(t, "deb")
	if name := filepath.Base(deb); name != "segue_1.0.0-1_amd64.deb" {
		t.Errorf("it is called %s", name)
	}
	has(t, output(t, "dpkg-deb", "--contents", deb),
		"-rwxr-xr-x root/root", " ./usr/bin/segue\n", " ./etc/segue/segue.yaml\n", " ./usr/lib/systemd/system/segue.service\n", " ./usr/lib/systemd/system/segue.socket\n", " ./usr/lib/systemd/system/segue-load.socket\n",
		" ./usr/lib/sysusers.d/segue.conf\n", " ./usr/share/bash-completion/completions/segue\n", " ./usr/share/zsh/vendor-completions/_segue\n", " ./usr/share/fish/vendor_completions.d/segue.fish\n",
		" ./usr/share/man/man1/segue-serve.1.gz\n", " ./usr/share/doc/segue/copyright\n", " ./usr/share/doc/segue/changelog.Debian.gz\n", " ./usr/share/doc/segue/examples/60-segue.conf\n")
	conffiles := output(t, "dpkg-deb", "--info", deb, "conffiles")
	if strings.TrimSpace(conffiles) != "/etc/needrestart/conf.d/segue.conf\n/etc/segue/segue.yaml" {
		t.Errorf("conffiles: %s", conffiles)
	}
	if said := output(t, "lintian", "--allow-root", "--fail-on", "error,warning", "--display-info", deb); strings.TrimSpace(said) != "" {
		t.Errorf("lintian:\n%s", said)
	}
}

// needrestart reads its files as Perl, and leaves a service alone for which there is a 0.
func TestNeedrestart(t *testing.T) {
	t.Parallel()
	const as = `our %nrconf = (override_rc => { qr/^dbus/ => 0 }); do "./deb/needrestart.conf"; die $@ if $@;
for my $s (qw(segue.service segue.service.d xsegue.service dbus.service)) { for my $re (keys %{$nrconf{override_rc}}) { print "$s $nrconf{override_rc}->{$re}\n" if $s =~ /$re/ } }`
	if got := output(t, "perl", "-w", "-e", as); got != "segue.service 0\ndbus.service 0\n" {
		t.Errorf("%q", got)
	}
}

func TestRPM(t *testing.T) {
	t.Parallel()
	rpm := onePackage(t, "rpm")
	has(t, output(t, "rpm", "-qp", "--requires", rpm), "/usr/sbin/useradd\n")
	if name := filepath.Base(rpm); name != "segue-1.0.0-1.x86_64.rpm" {
		t.Errorf("it is called %s", name)
	}
	has(t, output(t, "rpm", "-qp", "--list", rpm), "/usr/bin/segue\n", "/etc/segue/segue.yaml\n", "/usr/share/licenses/segue/LICENSE\n", "/usr/share/zsh/site-functions/_segue\n")
	has(t, output(t, "rpm", "-qp", "--scripts", rpm), "preinstall scriptlet", "useradd", "systemctl reload segue.service", "disable --now segue.socket segue-load.socket segue.service")
	has(t, output(t, "rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:perms} %{FILEGROUPNAME} %{FILEFLAGS:fflags}\n]", rpm), "/etc/segue/segue.yaml -rw-r----- segue cn\n")
	if said := output(t, "rpm", "-K", "--nosignature", rpm); !strings.Contains(said, "digests OK") {
		t.Error(said)
	}
	said, err := attempt(t.Context(), "rpmlint", "--config", "rpm/rpmlint.toml", rpm)
	if err != nil {
		t.Errorf("rpmlint: %v\n%s", err, said)
	}
	has(t, said, " 0 errors, 0 warnings")
}

// It installs into a root of its own; its scripts need the programs of a system, which there are none of.
func TestRPMInstalls(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	output(t, "rpm", "--root", root, "--initdb")
	output(t, "rpm", "--root", root, "--nodeps", "--noscripts", "-i", onePackage(t, "rpm"))
	has(t, output(t, filepath.Join(root, "usr/bin/segue"), "version"), "1.0.0")
	has(t, output(t, filepath.Join(root, "usr/bin/segue"), "validate", filepath.Join(root, "etc/segue/segue.yaml")), "no problems")
	has(t, output(t, "rpm", "--root", root, "-q", "segue"), "segue-1.0.0-1.x86_64")
	if err := os.WriteFile(filepath.Join(root, "etc/segue/segue.yaml"), []byte("backends: [fe1:9030]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := output(t, "rpm", "--root", root, "--noscripts", "-e", "segue")
	has(t, said, "segue.yaml.rpmsave")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/segue")); !os.IsNotExist(err) {
		t.Errorf("the program is left: %v", err)
	}
}

// The configuration that is installed is right, and so is each hint for the kernel: it is a setting that this one has.
func TestFiles(t *testing.T) {
	t.Parallel()
	has(t, output(t, filepath.Join(built, "segue"), "validate", "files/segue.yaml"), "no problems (starrocks, 3 backends)")
	b, err := os.ReadFile("files/60-segue.conf")
	if err != nil {
		t.Fatal(err)
	}
	settings := 0
	for line := range strings.Lines(string(b)) {
		key, _, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		settings++
		if _, err := os.Stat("/proc/sys/" + strings.ReplaceAll(strings.TrimSpace(key), ".", "/")); err != nil {
			t.Error(err)
		}
	}
	if settings < 4 {
		t.Errorf("%d settings", settings)
	}
	for _, script := range []string{"deb/postinst", "deb/prerm", "deb/postrm", "rpm/pre", "rpm/post", "rpm/preun", "rpm/postun", "setup.sh"} {
		output(t, "sh", "-n", script)
	}
}

// What is missing or wrong is named.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*input){
		"amd64 or arm64":             func(in *input) { in.arch = "mips" },
		"built for linux/amd64":      func(in *input) { in.arch = "arm64" },
		"CGO_ENABLED=0":              func(in *input) { in.binary = withLibraries(t) },
		"-version":                   func(in *input) { in.version = "1 2" },
		"segue completion bash, zsh": func(in *input) { in.completion = t.TempDir() },
		"segue man DIR":              func(in *input) { in.man = t.TempDir() },
		"no-such-program":            func(in *input) { in.binary = "no-such-program" },
	} {
		in := these(filepath.Join(built, "segue"), "v1.0.0")
		change(&in)
		out := t.TempDir()
		if made, err := in.pack(out, "deb"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v; want %q", made, err, want)
		}
		if left, _ := filepath.Glob(out + "/*"); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
	if _, err := buildTime("yesterday"); err == nil || !strings.Contains(err.Error(), "git log") {
		t.Error(err)
	}
}

// withLibraries is a program that is not built as a package's has to be.
func withLibraries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-o", "m", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "m")
}

func TestNamesOfArm64(t *testing.T) {
	t.Parallel()
	in := these(filepath.Join(built, "man", "segue.1"), "v1.2.3-rc.1")
	in.arch = "arm64"
	made, err := in.pack(t.TempDir(), "deb,rpm")
	if err != nil || filepath.Base(made[0]) != "segue_1.2.3~rc.1-1_arm64.deb" || filepath.Base(made[1]) != "segue-1.2.3~rc.1-1.aarch64.rpm" {
		t.Fatal(made, err)
	}
	has(t, output(t, "dpkg-deb", "--field", made[0]), "Architecture: arm64", "Version: 1.2.3~rc.1-1")
	has(t, output(t, "rpm", "-qp", "--qf", "%{ARCH} %{VERSION}-%{RELEASE}", made[1]), "aarch64 1.2.3~rc.1-1")
}
