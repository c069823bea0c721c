package check

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type source struct{ Type, UID string }

type panel struct {
	ID          int
	Type, Title string
	Datasource  source
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct {
		Expr, LegendFormat string
		Datasource         source
	}
	FieldConfig struct{ Defaults struct{ Unit string } }
}

type dashboard struct {
	UID, Title string
	Panels     []panel
	Templating struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
			Datasource source
		}
	}
	Annotations struct {
		List []struct {
			Name, Expr string
			Datasource source
		}
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	b, err := os.ReadFile("../grafana/segue.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// query is an expression as Grafana sends it, with values in the place of its own variables. Those in quotes may be anything.
func query(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h").Replace(expr)
}

// chosen is the data source that the viewer has chosen.
var chosen = source{"prometheus", "$datasource"}

// Every expression can be parsed, and names what there is; every panel has a title, a unit and the data source that the viewer has chosen.
func TestDashboardShowsWhatThereIs(t *testing.T) {
	d := readDashboard(t)
	all := known(t, nil)
	ids := map[int]bool{}
	shown := 0
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("%q has the id %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		shown++
		if p.FieldConfig.Defaults.Unit == "" || p.Datasource != chosen || len(p.Targets) == 0 {
			t.Errorf("%s: unit %q, data source %v, %d expressions", p.Title, p.FieldConfig.Defaults.Unit, p.Datasource, len(p.Targets))
		}
		for _, target := range p.Targets {
			if target.Datasource != chosen {
				t.Errorf("%s: data source %v", p.Title, target.Datasource)
			}
			for _, problem := range all.check(query(target.Expr)) {
				t.Errorf("%s: %s in %s", p.Title, problem, target.Expr)
			}
			for _, l := range named.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !strings.Contains(target.Expr, l[1]) && l[1] != "instance" {
					t.Errorf("%s: the legend has %s, and %s has not", p.Title, l[1], target.Expr)
				}
			}
		}
	}
	if shown < 30 {
		t.Errorf("%d panels", shown)
	}
	for _, a := range d.Annotations.List {
		if a.Datasource != chosen {
			t.Errorf("%s: data source %v", a.Name, a.Datasource)
		}
		for _, problem := range all.check(query(a.Expr)) {
			t.Errorf("%s: %s in %s", a.Name, problem, a.Expr)
		}
	}
}

var (
	named      = regexp.MustCompile(`\{\{(\w+)\}\}`)
	valuesOf   = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	references = regexp.MustCompile(`\$(\w+)`)
)

// Every variable that is used is there, and asks for what there is.
func TestDashboardVariables(t *testing.T) {
	d := readDashboard(t)
	all := known(t, nil)
	known := []string{"__rate_interval", "__range"}
	for _, v := range d.Templating.List {
		known = append(known, v.Name)
		if v.Type == "datasource" {
			continue
		}
		var q struct{ Query string }
		if err := json.Unmarshal(v.Query, &q); err != nil {
			t.Fatal(err)
		}
		m := valuesOf.FindStringSubmatch(q.Query)
		if m == nil || v.Datasource != chosen {
			t.Errorf("%s: %s of %v", v.Name, q.Query, v.Datasource)
			continue
		}
		problems := all.check(m[1])
		if name, _, _ := strings.Cut(m[1], "{"); !slices.Contains(append(all[name], added...), m[2]) {
			problems = append(problems, name+" has no label "+m[2])
		}
		for _, problem := range problems {
			t.Errorf("%s: %s", v.Name, problem)
		}
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			for _, r := range references.FindAllStringSubmatch(target.Expr, -1) {
				if !slices.Contains(known, r[1]) {
					t.Errorf("%s: there is no $%s", p.Title, r[1])
				}
			}
		}
	}
}

// No two panels lie on each other, and none is beyond the edge.
func TestDashboardLayout(t *testing.T) {
	d := readDashboard(t)
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		g := p.GridPos
		if g.W <= 0 || g.H <= 0 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s is at %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, is := taken[[2]int{x, y}]; is {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// An upgrade is to be seen on it as a whole: what it shows is held here, by the metrics that it takes.
func TestDashboardShowsAnUpgrade(t *testing.T) {
	var exprs strings.Builder
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			exprs.WriteString(target.Expr + "\n")
		}
	}
	for name := range metrics(t) {
		switch {
		case !strings.HasPrefix(name, "segue_"), strings.HasSuffix(name, "_held_limit"):
		case !strings.Contains(exprs.String(), name):
			t.Errorf("%s is shown nowhere", name)
		}
	}
}
