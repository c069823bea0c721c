package kubetest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
)

const (
	merge     = "application/merge-patch+json"
	strategic = "application/strategic-merge-patch+json"
)

// operator carries image and updateStrategy of StarRocksClusters on to their StatefulSets.
func (p *Play) operator(ctx context.Context) {
	p.mu.Lock()
	idle := p.idle
	p.mu.Unlock()
	if idle {
		return
	}
	sets := byName(p.list(ctx, "/apis/apps/v1", "statefulsets"))
	for _, cluster := range p.list(ctx, "/apis/starrocks.com/v1", "starrocksclusters") {
		for suffix, field := range map[string]string{"fe": "starRocksFeSpec", "be": "starRocksBeSpec"} {
			name := Text(cluster, "metadata", "name") + "-" + suffix
			set, said := sets[name], At(cluster, "spec", field)
			if set == nil || said == nil {
				continue
			}
			strategy := At(said, "updateStrategy")
			if strategy == nil {
				strategy = Object{"type": "RollingUpdate", "rollingUpdate": Object{"partition": 0}}
			} else if Text(strategy, "type") == "OnDelete" {
				strategy = Object{"type": "OnDelete", "rollingUpdate": nil}
			}
			image := Text(said, "image")
			now := At(set, "spec", "template", "spec", "containers").([]any)[0]
			if Text(now, "image") == image && Text(set, "spec", "updateStrategy", "type") == Text(strategy, "type") && partition(At(set, "spec", "updateStrategy")) == partition(strategy) {
				continue
			}
			p.send(ctx, http.MethodPatch, p.path("/apis/apps/v1", "statefulsets/"+name), strategic, Object{"spec": Object{
				"updateStrategy": strategy, "template": Object{"spec": Object{"containers": []any{Object{"name": suffix, "image": image}}}},
			}})
		}
	}
}

func byName(list []Object) map[string]Object {
	all := make(map[string]Object, len(list))
	for _, o := range list {
		all[Text(o, "metadata", "name")] = o
	}
	return all
}

func partition(strategy any) int {
	n, _ := At(strategy, "rollingUpdate", "partition").(float64)
	if i, ok := At(strategy, "rollingUpdate", "partition").(int); ok {
		return i
	}
	return int(n)
}

// controller makes pods that are missing, and replaces those that are of another revision as the strategy says.
func (p *Play) controller(ctx context.Context) {
	pods := byName(p.list(ctx, "/api/v1", "pods"))
	for _, set := range p.list(ctx, "/apis/apps/v1", "statefulsets") {
		c := control{Play: p, set: set, name: Text(set, "metadata", "name"), pods: pods}
		c.replicas = int(At(set, "spec", "replicas").(float64))
		c.update = p.revision(c.name, At(set, "spec", "template"))
		if c.current = Text(set, "status", "currentRevision"); c.current == "" {
			c.current = c.update
		}
		c.sync(ctx)
		c.status(ctx)
	}
}

// revision names the revision of a template, and keeps that.
func (p *Play) revision(set string, template any) string {
	text, _ := json.Marshal(template) // it was JSON
	h := fnv.New32a()
	h.Write(text)
	name := fmt.Sprintf("%s-%x", set, h.Sum32())
	p.revisions[name] = template
	return name
}

// control is one set in the controller's hands.
type control struct {
	*Play
	set             Object
	name            string
	pods            map[string]Object
	replicas        int
	current, update string // revisions
}

func (c *control) pod(i int) Object { return c.pods[fmt.Sprintf("%s-%d", c.name, i)] }

func (c *control) onDelete() bool { return Text(c.set, "spec", "updateStrategy", "type") == "OnDelete" }

func (c *control) sync(ctx context.Context) {
	from := partition(At(c.set, "spec", "updateStrategy"))
	made := false
	for i := range c.replicas {
		if c.pod(i) != nil {
			continue
		}
		revision := c.update
		if !c.onDelete() && i < from {
			revision = c.current
		}
		c.create(ctx, i, revision)
		made = true
	}
	if made || c.onDelete() {
		return
	}
	for i := c.replicas - 1; i >= from; i-- {
		pod := c.pod(i)
		if revisionOf(pod) != c.update && At(pod, "metadata", "deletionTimestamp") == nil {
			c.send(ctx, http.MethodDelete, c.path("/api/v1", "pods/"+Text(pod, "metadata", "name")), "application/json", Object{})
			return
		}
		if !ready(pod) {
			return
		}
	}
}

func revisionOf(pod Object) string {
	return Text(pod, "metadata", "labels", "controller-revision-hash")
}

func ready(pod Object) bool {
	conditions, _ := At(pod, "status", "conditions").([]any)
	return At(pod, "metadata", "deletionTimestamp") == nil && slices.ContainsFunc(conditions, func(c any) bool {
		return Text(c, "type") == "Ready" && Text(c, "status") == "True"
	})
}

func (c *control) create(ctx context.Context, i int, revision string) {
	text, _ := json.Marshal(c.revisions[revision]) // a copy
	var pod Object
	_ = json.Unmarshal(text, &pod) // it was JSON
	name := fmt.Sprintf("%s-%d", c.name, i)
	meta := pod["metadata"].(Object)
	delete(meta, "creationTimestamp")
	meta["name"] = name
	meta["labels"].(Object)["controller-revision-hash"] = revision
	meta["ownerReferences"] = []any{Object{
		"apiVersion": "apps/v1", "kind": "StatefulSet", "name": c.name, "uid": Text(c.set, "metadata", "uid"), "controller": true,
	}}
	c.note("make "+name+" "+image(pod), func() bool {
		return c.send(ctx, http.MethodPost, c.path("/api/v1", "pods"), "application/json", pod)
	})
}

func image(pod Object) string {
	return Text(At(pod, "spec", "containers").([]any)[0], "image")
}

// status says what the controller has seen. The current revision follows when a rolling update is complete; under OnDelete it never does.
func (c *control) status(ctx context.Context) {
	updated, up := 0, 0
	for i := range c.replicas {
		if pod := c.pod(i); pod != nil {
			if revisionOf(pod) == c.update {
				updated++
			}
			if ready(pod) {
				up++
			}
		}
	}
	c.count(up)
	if !c.onDelete() && updated == c.replicas && up == c.replicas {
		c.current = c.update
	}
	status := Object{
		"observedGeneration": At(c.set, "metadata", "generation"), "updateRevision": c.update, "currentRevision": c.current,
		"replicas": float64(c.replicas), "readyReplicas": float64(up), "updatedReplicas": float64(updated),
	}
	for key, value := range status {
		if now := At(c.set, "status", key); now != value && (now != nil || value != 0.0) {
			c.send(ctx, http.MethodPatch, c.path("/apis/apps/v1", "statefulsets/"+c.name+"/status"), merge, Object{"status": status})
			return
		}
	}
}

// count keeps how many pods were not ready, once all have been.
func (c *control) count(up int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if up == c.replicas {
		c.complete[c.name] = true
	}
	if c.complete[c.name] {
		c.unready[c.name] = max(c.unready[c.name], c.replicas-up)
	}
}

// kubelet ends pods that terminate, and starts others. An image with "broken" in its name cannot be pulled.
func (p *Play) kubelet(ctx context.Context) {
	for n, pod := range p.list(ctx, "/api/v1", "pods") {
		name := Text(pod, "metadata", "name")
		path := p.path("/api/v1", "pods/"+name)
		conditions, _ := At(pod, "status", "conditions").([]any)
		runs := p.process(name, Text(pod, "metadata", "uid"), image(pod))
		ip := fmt.Sprintf("10.1.0.%d", n+1)
		if runs != nil {
			ip = runs.IP()
		}
		switch {
		case At(pod, "metadata", "deletionTimestamp") != nil && runs != nil && !runs.ended():
		case At(pod, "metadata", "deletionTimestamp") != nil:
			p.note("stop "+name+" "+image(pod), func() bool {
				return p.send(ctx, http.MethodDelete, path, "application/json", Object{"gracePeriodSeconds": 0, "preconditions": Object{"uid": Text(pod, "metadata", "uid")}})
			})
		case ready(pod) || len(conditions) > 0 && strings.Contains(image(pod), "broken"):
		case strings.Contains(image(pod), "broken"):
			container := Text(At(pod, "spec", "containers").([]any)[0], "name")
			p.send(ctx, http.MethodPatch, path+"/status", merge, Object{"status": Object{
				"phase": "Pending", "conditions": []any{Object{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}},
				"containerStatuses": []any{Object{
					"name": container, "image": image(pod), "imageID": "", "ready": false, "restartCount": 0,
					"state": Object{"waiting": Object{"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
				}},
			}})
		case runs != nil && !runs.Ready():
		default:
			p.note("ready "+name+" "+image(pod), func() bool {
				return p.send(ctx, http.MethodPatch, path+"/status", merge, Object{"status": Object{
					"phase": "Running", "podIP": ip, "podIPs": []any{Object{"ip": ip}}, "conditions": []any{Object{"type": "Ready", "status": "True"}},
				}})
			})
		}
	}
}
