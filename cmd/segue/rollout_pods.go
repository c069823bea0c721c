package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"segue/backend/discover/kube"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/statefulset"
)

// podFlags are the flags of run for nodes that are pods of StatefulSets.
type podFlags struct {
	sets      []string // NAME or NAME=IMAGE
	former    map[string]string
	container string
	mode      string
	owner     string
	server    *kube.Config
}

// addPods defines them.
func addPods(cmd *cobra.Command, server *kube.Config) *podFlags {
	p := &podFlags{server: server}
	f := cmd.Flags()
	f.StringSliceVar(&p.sets, "statefulset", nil, "a StatefulSet whose pods are nodes: `NAME`, or NAME=IMAGE with what they are to run;\nmay be repeated; takes the place of --stop and --start")
	f.StringToStringVar(&p.former, "former-image", nil, "NAME=IMAGE, the `image` to go back to (default: the one that was found)")
	f.StringVar(&p.container, "container", "", "`name` of the container whose image it is (default: the only one, or the pod's default)")
	f.StringVar(&p.mode, "update-strategy", "", "`how` pods wait, set together with the image: on-delete (any order), or partition\n(from the highest ordinal down); default: the updateStrategy is one of them already")
	f.StringVar(&p.owner, "image-in", "", "`where` images are changed: starrocks-cluster, whose operator carries them on, or\nelsewhere, which is waited for; default: in the StatefulSets")
	f.StringVar(&p.server.Namespace, "namespace", "", "`namespace` of the StatefulSets (default: this pod's)")
	words(cmd, "update-strategy", string(statefulset.OnDelete), string(statefulset.Partition))
	words(cmd, "image-in", string(statefulset.StarRocksCluster), string(statefulset.Elsewhere))
	return p
}

// used tells whether nodes are pods.
func (p *podFlags) used() bool { return len(p.sets) > 0 }

// changes tells whether images are changed, and not pods merely restarted.
func (p *podFlags) changes() bool {
	return len(p.sets) > 0 && strings.Contains(p.sets[0], "=")
}

// options are what the flags say of each set.
func (p *podFlags) options(said io.Writer) ([]statefulset.Options, error) {
	var all []statefulset.Options
	for _, text := range p.sets {
		name, image, changed := strings.Cut(text, "=")
		if changed != p.changes() || changed && image == "" {
			return nil, errors.New("--statefulset: give an image for each of them, NAME=IMAGE, or for none to restart them")
		}
		all = append(all, statefulset.Options{
			Name: name, Image: image, Previous: p.former[name], Container: p.container, Mode: statefulset.Mode(p.mode), Owner: statefulset.Owner(p.owner),
			Progress: func(wait string) { fmt.Fprintf(said, "%s: waiting for %s\n", name, shown(wait)) },
		})
	}
	return all, nil
}

// driver makes what replaces the pods. It asks the API server nothing yet.
func (p *podFlags) driver(said io.Writer, timeout time.Duration) (rollout.Driver, error) {
	all, err := p.options(said)
	if err != nil {
		return nil, usageError{err}
	}
	client, err := kube.New(*p.server)
	if err != nil {
		return nil, usageError{fmt.Errorf("--statefulset: %w", err)}
	}
	d, err := statefulset.New(client, all...)
	if err != nil {
		return nil, usageError{fmt.Errorf("--statefulset: %w", err)}
	}
	return timed{d, timeout}, nil
}

// timed bounds what a driver of pods waits for.
type timed struct {
	driver  *statefulset.Driver
	timeout time.Duration
}

func (t timed) do(ctx context.Context, n rollout.Node, do func(context.Context, rollout.Node) error) error {
	bounded, cancel := context.WithTimeoutCause(ctx, t.timeout, fmt.Errorf("not done within %v", t.timeout))
	defer cancel()
	return do(bounded, n)
}

// Prepare implements [rollout.Preparer].
func (t timed) Prepare(ctx context.Context, back bool) error {
	return t.do(ctx, rollout.Node{}, func(ctx context.Context, _ rollout.Node) error { return t.driver.Prepare(ctx, back) })
}

// Stop implements [rollout.Driver].
func (t timed) Stop(ctx context.Context, n rollout.Node) error { return t.do(ctx, n, t.driver.Stop) }

// Start implements [rollout.Driver].
func (t timed) Start(ctx context.Context, n rollout.Node) error { return t.do(ctx, n, t.driver.Start) }

// Upgrade implements [rollout.Driver].
func (t timed) Upgrade(ctx context.Context, n rollout.Node) error {
	return t.do(ctx, n, t.driver.Upgrade)
}

// Rollback implements [rollout.Driver].
func (t timed) Rollback(ctx context.Context, n rollout.Node) error {
	return t.do(ctx, n, t.driver.Rollback)
}

// Sort implements [rollout.Orderer].
func (t timed) Sort(ctx context.Context, nodes []rollout.Node) {
	_ = t.do(ctx, rollout.Node{}, func(ctx context.Context, _ rollout.Node) error { t.driver.Sort(ctx, nodes); return nil })
}

// May implements [rollout.Orderer].
func (t timed) May(ctx context.Context, n rollout.Node) (kept string, err error) {
	err = t.do(ctx, n, func(ctx context.Context, n rollout.Node) error { kept, err = t.driver.May(ctx, n); return err })
	return kept, err
}

// Recall implements [rollout.Orderer].
func (t timed) Recall(n rollout.Node, kept string) { t.driver.Recall(n, kept) }
