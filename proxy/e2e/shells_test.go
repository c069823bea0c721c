package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shells are those that know how to complete a command line of segue, each with a script that prints what it would offer behind $LINE. segue is in the PATH.
var shells = map[string][]string{
	"bash": {"bash", "--norc", "-c", `
. /usr/share/bash-completion/bash_completion
. <(segue completion bash)
COMP_LINE=$LINE COMP_POINT=${#LINE} COMP_TYPE=9 COMP_WORDS=($LINE)
[[ $LINE == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
__start_segue
printf '%s\n' "${COMPREPLY[@]}"`},
	"fish": {"fish", "--no-config", "-c", `segue completion fish | source; complete -C "$LINE"`},
	// zsh completes on a terminal alone: zpty is one. What it shows holds what it offers, or what it has put in.
	"zsh": {"zsh", "-f", "-c", `
zmodload zsh/zpty
zpty z "TERM=dumb zsh -f -i"
zpty -w z "PS1=READY; autoload -U compinit && compinit -u -D; source <(segue completion zsh); echo LOA''DED"
zpty -r -m z line "*LOADED*READY*"
zpty -w -n z "$LINE"$'\t\t'
zpty -r -m z line "*$WANT*"
print -r -- "$line"`},
}

// Real shells complete commands, the values of flags, files, and the names of the backends of a Segue that runs.
func TestShellsComplete(t *testing.T) {
	program := buildProgram(t)
	bin := t.TempDir()
	if err := os.Symlink(program, filepath.Join(bin, "segue")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"upgrade.yaml", "upgrade.txt"} {
		if err := os.WriteFile(filepath.Join(bin, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &segueProgram{path: program, stdout: &output{}, stderr: &output{}, exited: make(chan struct{})}
	p.cmd = exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "127.0.0.1:1", "127.0.0.2:1")
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = p.stdout, p.stderr, clientProcess()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.wait()
	t.Cleanup(func() { p.stop(t) })
	p.admin = p.printed(t, `admin: http://(\S+)/`)
	for shell, script := range shells {
		for _, test := range []struct{ line, want, not string }{
			{"segue dra", "drain", "resume"},
			{"segue status --outp", "--output", "--admin"},
			{"segue status -o js", "json", "table"},
			{"segue serve --flavor sta", "starrocks", "doris"},
			{"segue serve --log-level w", "warn", "debug"},
			{"segue sim fe --generation G", "G4", "upgrade"},
			{"segue validate upg", "upgrade.yaml", "upgrade.txt"},
			{"segue drain 127.0.0.1", "127.0.0.1", "127.0.0.2"},
			{"segue maint 127.0.0.2", "127.0.0.2", "127.0.0.1"},
		} {
			cmd := exec.Command(script[0], script[1:]...)
			cmd.Dir, cmd.SysProcAttr, cmd.WaitDelay = bin, clientProcess(), time.Second
			cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "SEGUE_ADMIN="+p.admin, "LINE="+test.line, "WANT="+test.want)
			cancel := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
			out, err := cmd.Output()
			cancel.Stop()
			if err != nil {
				t.Errorf("%s: %s: %v\n%s", shell, test.line, err, out)
				continue
			}
			offered := string(out)
			if at := strings.LastIndex(offered, test.line); at >= 0 && shell == "zsh" {
				offered = offered[at:] // behind what it has said before
			}
			if shell == "fish" && strings.HasSuffix(test.want, ".yaml") {
				test.not = "fish" // cobra has it offer all files, whatever their names end with
			}
			if !strings.Contains(offered, test.want) || strings.Contains(offered, test.not) {
				t.Errorf("%s: %s: want %s, and not %s, in %q", shell, test.line, test.want, test.not, offered)
			}
		}
	}
}

// The manual's pages are what groff and mandoc read without a word against them, and say what each command does.
func TestManPages(t *testing.T) {
	program, folder := buildProgram(t), t.TempDir()
	cmd := exec.Command(program, "man", folder)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1764500000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(folder, "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%v, %d pages", err, len(pages))
	}
	for _, page := range pages {
		for _, reader := range [][]string{{"man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page}, {"mandoc", "-T", "lint", "-W", "warning", page}} {
			cmd := exec.Command(reader[0], reader[1:]...)
			var said strings.Builder
			cmd.Stderr = &said
			out, err := cmd.Output()
			if reader[0] == "mandoc" { // lint is what it prints
				said.Write(out)
			}
			if err != nil || said.Len() > 0 {
				t.Errorf("%s of %s: %v\n%s", reader[0], filepath.Base(page), err, said.String())
			}
		}
	}
	cmd = exec.Command("man", "-l", filepath.Join(folder, "segue-drain.1"))
	cmd.Env = append(os.Environ(), "MANWIDTH=200", "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"segue drain NAME [flags]", "--timeout time", "segue drain fe-1 --wait && ssh fe-1 systemctl restart starrocks-fe; segue ready fe-1", "2025-11-30"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("segue-drain(1) lacks %q:\n%s", want, out)
		}
	}
}
