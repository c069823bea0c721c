package statefulset

import (
	"strings"
)

// previousImage is the annotation that keeps what the image was before Segue changed it, and what it was changed to, with a space between. In a StarRocksCluster, which
// has several, the component's name follows.
const previousImage = "segue/previous-image"

// change is a change of what the set's owner says. Zero fields stay as they are.
type change struct {
	image     string
	container string
	previous  string // the annotation's value
	onDelete  bool
	partition *int
	version   string // resourceVersion of the object that was seen: another one by now is left alone
}

func (c change) strategy() map[string]any {
	switch {
	case c.onDelete:
		return map[string]any{"type": "OnDelete", "rollingUpdate": nil}
	case c.partition != nil:
		return map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"partition": *c.partition}}
	}
	return nil
}

func (c change) metadata(annotation string) map[string]any {
	m := map[string]any{"resourceVersion": c.version}
	if c.previous != "" {
		m["annotations"] = map[string]any{annotation: c.previous}
	}
	return m
}

// ofSet is the change as a strategic merge patch of a StatefulSet: containers are merged by their names.
func (c change) ofSet() map[string]any {
	spec := make(map[string]any)
	if s := c.strategy(); s != nil {
		spec["updateStrategy"] = s
	}
	if c.image != "" {
		spec["template"] = map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": c.container, "image": c.image}}}}
	}
	return map[string]any{"metadata": c.metadata(previousImage), "spec": spec}
}

// ofCluster is the change as a JSON merge patch of a StarRocksCluster.
func (c change) ofCluster(part *part) map[string]any {
	spec := make(map[string]any)
	if s := c.strategy(); s != nil {
		spec["updateStrategy"] = s
	}
	if c.image != "" {
		spec["image"] = c.image
	}
	return map[string]any{"metadata": c.metadata(previousImage + "." + part.suffix), "spec": map[string]any{part.field: spec}}
}

// part is a component of a StarRocksCluster.
type part struct{ suffix, field string }

// component finds the component that a set of the operator's is, by its name; nil: none.
func component(set string) *part {
	for _, p := range []part{{"fe", "starRocksFeSpec"}, {"be", "starRocksBeSpec"}, {"cn", "starRocksCnSpec"}} {
		if cluster, ok := strings.CutSuffix(set, "-"+p.suffix); ok && cluster != "" {
			return &p
		}
	}
	return nil
}

// cluster is what is read of a StarRocksCluster (starrocks.com/v1).
type cluster struct {
	Metadata meta `json:"metadata"`
	Spec     struct {
		WaitForFullRollout bool           `json:"waitForFullRollout"`
		FE                 *componentSpec `json:"starRocksFeSpec"`
		BE                 *componentSpec `json:"starRocksBeSpec"`
		CN                 *componentSpec `json:"starRocksCnSpec"`
	} `json:"spec"`
}

type componentSpec struct {
	Image          string   `json:"image"`
	UpdateStrategy strategy `json:"updateStrategy"`
}

// partition is the one that the component is said to have.
func (c *componentSpec) partition() int {
	if c.UpdateStrategy.RollingUpdate == nil {
		return 0
	}
	return c.UpdateStrategy.RollingUpdate.Partition
}

// component gives the spec of a part; nil: the cluster has none.
func (c *cluster) component(p *part) *componentSpec {
	switch p.suffix {
	case "fe":
		return c.Spec.FE
	case "be":
		return c.Spec.BE
	}
	return c.Spec.CN
}
