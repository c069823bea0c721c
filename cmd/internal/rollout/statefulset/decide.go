package statefulset

import (
	"fmt"
	"strings"
)

// view is what the API server says now.
type view struct {
	set     *set
	pods    map[string]*pod // the set's, by name
	cluster *cluster        // where that is the owner
}

// step is what is to be done now: one of its fields, or nothing, which is that it is done.
type step struct {
	change *change
	evict  *pod
	wait   string // what is waited for
	err    error

	replaced *pod // beside one of them: the pod whose end it is about
}

func (s step) done() bool { return s == step{} }

func waitFor(format string, args ...any) step { return step{wait: fmt.Sprintf(format, args...)} }
func fail(format string, args ...any) step    { return step{err: fmt.Errorf(format, args...)} }

// changed is the step until the set stands to the wanted image, and its pods to be replaced one by one. In a restart there is nothing to change.
func (v *view) changed(o *Options, back bool) step {
	if o.Image == "" {
		return step{}
	}
	c, err := v.set.container(o.Container)
	if err != nil {
		return step{err: err}
	}
	said, err := v.said(o, c)
	if err != nil {
		return step{err: err}
	}
	want := o.Image
	if back {
		if want, err = v.previous(o, c, said.Image); err != nil {
			return step{err: err}
		}
	}
	mode := o.Mode
	if mode == AsIs && said.Image != want {
		if mode, err = o.asIs(said.UpdateStrategy, back); err != nil {
			return step{err: err}
		}
	}
	if ch := v.change(said, want, mode); ch != nil {
		if o.Owner == Elsewhere {
			return waitFor("StatefulSet %s to get the image %s, which is changed elsewhere: it has %s", v.set.Metadata.Name, want, c.Image)
		}
		if ch.image != "" {
			ch.container = c.Name
			ch.previous = said.Image + " " + want
			if back {
				ch.previous = want + " " + said.Image
			}
		}
		return step{change: ch}
	}
	return v.carriedOn(o, c, said, want)
}

// said is what the set's owner says of it.
func (v *view) said(o *Options, c container) (componentSpec, error) {
	if o.Owner != StarRocksCluster {
		return componentSpec{Image: c.Image, UpdateStrategy: v.set.Spec.UpdateStrategy}, nil
	}
	p := component(o.Name)
	spec := v.cluster.component(p)
	if spec == nil {
		return componentSpec{}, fmt.Errorf("StarRocksCluster %s has no %s", v.cluster.Metadata.Name, p.field)
	}
	said := *spec
	if said.UpdateStrategy.Type == "" {
		said.UpdateStrategy.Type = "RollingUpdate" // what the operator makes of it
	}
	return said, nil
}

// asIs is how pods are kept back by the strategy of now. A partition that has come down to 0 is raised again to go back.
func (o *Options) asIs(now strategy, back bool) (Mode, error) {
	switch {
	case now.Type == "OnDelete":
		return OnDelete, nil
	case back || now.RollingUpdate != nil && now.RollingUpdate.Partition > 0:
		return Partition, nil
	}
	return "", fmt.Errorf("StatefulSet %s: its updateStrategy is RollingUpdate from 0 on, so that all pods are replaced in the controller's own order as soon as the image changes; "+
		"say mode %s (any order) or %s (from the highest ordinal down), or set updateStrategy to OnDelete where the set is made", o.Name, OnDelete, Partition)
}

// change is what the owner is to say instead; nil: nothing.
func (v *view) change(said componentSpec, want string, mode Mode) *change {
	ch := change{version: v.set.Metadata.ResourceVersion}
	if v.cluster != nil {
		ch.version = v.cluster.Metadata.ResourceVersion
	}
	if said.Image != want {
		ch.image = want
	}
	onDelete := said.UpdateStrategy.Type == "OnDelete"
	ch.onDelete = mode == OnDelete && !onDelete
	if mode == Partition && (onDelete || ch.image != "") {
		all := v.set.replicas() // none is replaced yet
		ch.partition = &all
	}
	if ch.image == "" && !ch.onDelete && ch.partition == nil {
		return nil
	}
	return &ch
}

// carriedOn is the step until what the owner says has reached the StatefulSet, and its controller has seen it.
func (v *view) carriedOn(o *Options, c container, said componentSpec, want string) step {
	name := v.set.Metadata.Name
	if o.Owner == StarRocksCluster && (c.Image != want || v.set.Spec.UpdateStrategy.Type != said.UpdateStrategy.Type) {
		if v.cluster.Spec.WaitForFullRollout && !strings.HasSuffix(name, "-fe") {
			return waitFor("the StarRocks operator to change StatefulSet %s: with waitForFullRollout it waits for the FEs, which Kubernetes before #136833 (2026) never counts as rolled out once they were upgraded under OnDelete; set it to false", name)
		}
		return waitFor("the StarRocks operator to change StatefulSet %s: does it run, and is a FE ready?", name)
	}
	if !v.set.observed() {
		return waitFor("the StatefulSet controller to see the change of %s", name)
	}
	return step{}
}

// previous is the image to go back to.
func (v *view) previous(o *Options, c container, now string) (string, error) {
	if o.Previous != "" {
		return o.Previous, nil
	}
	kept := v.set.Metadata.Annotations[previousImage]
	if v.cluster != nil {
		kept = v.cluster.Metadata.Annotations[previousImage+"."+component(o.Name).suffix]
	}
	// What is kept counts only for the change that it was kept of: somebody may have changed the image since.
	if from, to, ok := strings.Cut(kept, " "); ok && (now == to || now == from) {
		return from, nil
	}
	images := make(map[string]bool)
	for _, p := range v.pods {
		if image := p.image(c.Name); image != "" && p.revision() != v.set.Status.UpdateRevision {
			images[image] = true
		}
	}
	if len(images) == 1 {
		for image := range images {
			return image, nil
		}
	}
	return "", fmt.Errorf("StatefulSet %s: nothing tells which image it had before; say the previous image", v.set.Metadata.Name)
}

// stop is the step until the pod that has the name is gone. old is the UID of the one that was seen first, empty where none has been seen.
func (v *view) stop(o *Options, back bool, name, old string) step {
	i, ok := v.set.index(name)
	if !ok {
		return fail("StatefulSet %s with %d replicas has no pod %s", v.set.Metadata.Name, v.set.replicas(), name)
	}
	if s := v.changed(o, back); !s.done() {
		if c := s.change; c != nil && c.partition != nil && c.image != "" {
			if first := v.behind(i, func(p *pod) bool { return p.image(c.container) != c.image }); first != "" {
				return outOfOrder(name, first) // told before anything is changed
			}
		}
		return s
	}
	p, upgrade := v.pods[name], o.Image != ""
	switch {
	case p == nil || !upgrade && old != "" && p.Metadata.UID != old:
		return step{}
	case p.terminating():
		return step{wait: fmt.Sprintf("pod %s to end", name), replaced: p}
	case upgrade && p.revision() == v.set.Status.UpdateRevision:
		return step{} // it has been replaced before
	}
	if other, why := v.unready(i); other != "" && !back {
		return waitFor("pod %s, which is not ready (%s): two are not down at a time", other, why)
	}
	st := step{evict: p}
	if upgrade && !v.set.onDelete() {
		st = v.lower(p, i)
	}
	st.replaced = p
	return st
}

// may is an error where the pod that has the name cannot be the next one to stop: under a partition all behind it have to go before.
func (v *view) may(o *Options, back bool, name string) error {
	i, ok := v.set.index(name)
	if !ok {
		return fail("StatefulSet %s with %d replicas has no pod %s", v.set.Metadata.Name, v.set.replicas(), name).err
	}
	s, first := v.changed(o, back), ""
	switch c := s.change; {
	case s.err != nil || o.Image == "":
		return s.err
	case c != nil && c.partition != nil && c.image != "":
		first = v.behind(i, func(p *pod) bool { return p.image(c.container) != c.image })
	case c == nil && !v.set.onDelete():
		first = v.behind(i, func(p *pod) bool { return p.revision() != v.set.Status.UpdateRevision })
	}
	if first != "" {
		return outOfOrder(name, first).err
	}
	return nil
}

// unready finds another pod of the set that does not serve.
func (v *view) unready(except int) (name, why string) {
	for j := range v.set.replicas() {
		if j == except {
			continue
		}
		name := v.name(j)
		p, ok := v.pods[name]
		if !ok {
			return name, "it is not there"
		}
		if ok, why := p.ready(); !ok {
			return name, why
		}
	}
	return "", ""
}

func (v *view) name(index int) string {
	return fmt.Sprintf("%s-%d", v.set.Metadata.Name, v.set.Spec.Ordinals.Start+index)
}

// lower has the controller replace the pod at index i: all behind it must have been replaced, since the controller replaces whatever is at the partition or behind it.
func (v *view) lower(p *pod, i int) step {
	if first := v.behind(i, func(p *pod) bool { return p.revision() != v.set.Status.UpdateRevision }); first != "" {
		return outOfOrder(p.Metadata.Name, first)
	}
	if v.set.partition() > i {
		if v.cluster != nil && v.cluster.component(component(v.set.Metadata.Name)).partition() <= i {
			return waitFor("the StarRocks operator to lower the partition of StatefulSet %s", v.set.Metadata.Name)
		}
		return step{change: &change{partition: &i, version: v.version()}}
	}
	// The controller waits for a pod that is not ready before it replaces any, this one too.
	if ok, _ := p.ready(); !ok {
		return step{evict: p}
	}
	return waitFor("the StatefulSet controller to replace pod %s", p.Metadata.Name)
}

// behind gives the pod of the highest ordinal above index i that is old.
func (v *view) behind(i int, old func(*pod) bool) string {
	for j := v.set.replicas() - 1; j > i; j-- {
		if p := v.pods[v.name(j)]; p != nil && old(p) {
			return p.Metadata.Name
		}
	}
	return ""
}

func outOfOrder(pod, first string) step {
	return fail("pod %s cannot be replaced before %s: a partitioned rolling update goes from the highest ordinal down; say mode %s for any other order", pod, first, OnDelete)
}

func (v *view) version() string {
	if v.cluster != nil {
		return v.cluster.Metadata.ResourceVersion
	}
	return v.set.Metadata.ResourceVersion
}

// start is the step until another pod than old has the name, is of the wanted image, and ready. It changes nothing.
func (v *view) start(o *Options, back bool, name, old string) step {
	if s := v.changed(o, back); s.change != nil {
		return fail("StatefulSet %s has been changed by somebody else meanwhile: its image or updateStrategy is not the one of this rollout", v.set.Metadata.Name)
	} else if !s.done() {
		return s
	}
	p := v.pods[name]
	switch {
	case p == nil:
		return waitFor("the StatefulSet controller to make pod %s", name)
	case p.Metadata.UID == old || p.terminating():
		return waitFor("pod %s to end", name)
	case o.Image != "" && p.revision() != v.set.Status.UpdateRevision:
		return waitFor("pod %s to be of revision %s: it is of %s", name, v.set.Status.UpdateRevision, p.revision())
	}
	if why := p.hopeless(); why != "" {
		return fail("pod %s cannot start: %s", name, why)
	}
	if ok, why := p.ready(); !ok {
		return waitFor("pod %s to be ready: %s", name, why)
	}
	return step{}
}
