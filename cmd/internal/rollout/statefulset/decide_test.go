package statefulset

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// pods makes the pods of a set by words "ORDINAL:REVISION[:STATE]"; STATE is terminating, unready, or what a container waits for.
func pods(words string) map[string]*pod {
	all := make(map[string]*pod)
	for word := range strings.FieldsSeq(words) {
		parts := strings.SplitN(word+"::", ":", 4)
		p := new(pod)
		p.Metadata.Name, p.Metadata.UID = "db-"+parts[0], "uid-"+parts[0]+parts[1]
		p.Metadata.Labels = map[string]string{"controller-revision-hash": parts[1]}
		p.Spec.Containers = []container{{Name: "db", Image: "image:" + parts[1]}}
		ready := `[{"type":"Ready","status":"True"}]`
		switch parts[2] {
		case "":
		case "terminating":
			p.Metadata.DeletionTimestamp = new("2026-11-30T12:00:00Z")
		case "unready":
			ready = `[{"type":"Ready","status":"False","message":"containers with unready status: [db]"}]`
		case "unscheduled":
			ready = `[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes are available"}]`
		default:
			ready = `[]`
			must(json.Unmarshal(fmt.Appendf(nil, `[{"name":"db","state":{"waiting":{"reason":%q,"message":"it does not"}}}]`, parts[2]), &p.Status.ContainerStatuses))
		}
		must(json.Unmarshal([]byte(ready), &p.Status.Conditions))
		all[p.Metadata.Name] = p
	}
	return all
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// situation makes a view of a set of three by words: revision and image it stands to, strategy ("on-delete", "partition=N", "rolling"), and more.
func situation(words, podWords string) *view {
	v := &view{set: new(set), pods: pods(podWords)}
	s := v.set
	s.Metadata.Name, s.Metadata.ResourceVersion, s.Metadata.Generation = "db", "7", 3
	s.Status.ObservedGeneration = 3
	s.Spec.Replicas = new(3)
	s.Spec.UpdateStrategy.Type = "RollingUpdate"
	for word := range strings.FieldsSeq(words) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "on-delete":
			s.Spec.UpdateStrategy.Type = "OnDelete"
		case "rolling":
		case "partition":
			s.Spec.UpdateStrategy.RollingUpdate = new(rolling)
			must(json.Unmarshal([]byte(value), &s.Spec.UpdateStrategy.RollingUpdate.Partition))
		case "unseen":
			s.Status.ObservedGeneration = 2
		case "kept":
			s.Metadata.Annotations = map[string]string{previousImage: strings.ReplaceAll(value, "_", " ")}
		case "at":
			s.Status.UpdateRevision = value
			s.Spec.Template.Spec.Containers = []container{{Name: "db", Image: "image:" + value}}
		case "start":
			must(json.Unmarshal([]byte(value), &s.Spec.Ordinals.Start))
		case "and":
			s.Spec.Template.Spec.Containers = append(s.Spec.Template.Spec.Containers, container{Name: value, Image: "x"})
		default:
			panic(word)
		}
	}
	return v
}

// say puts a step into words.
func say(s step) string {
	switch {
	case s.err != nil:
		return "error: " + s.err.Error()
	case s.evict != nil:
		return "evict " + s.evict.Metadata.Name
	case s.wait != "":
		return "wait: " + s.wait
	case s.change != nil:
		text := "change"
		if s.change.image != "" {
			text += " " + s.change.container + " to " + s.change.image + " (" + s.change.previous + ")"
		}
		if s.change.onDelete {
			text += " on-delete"
		}
		if s.change.partition != nil {
			text += fmt.Sprintf(" partition=%d", *s.change.partition)
		}
		return text
	}
	return "done"
}

func TestStop(t *testing.T) {
	upgrade := Options{Name: "db", Image: "image:b"}
	restart := Options{Name: "db"}
	tests := []struct {
		name      string
		options   Options
		back      bool
		set, pods string
		pod, old  string
		want      string // its beginning
	}{
		{"image first", upgrade, false, "at=a on-delete", "0:a 1:a 2:a", "db-1", "", "change db to image:b (image:a image:b)"},
		{"image and strategy at once", Options{Name: "db", Image: "image:b", Mode: OnDelete}, false, "at=a rolling", "0:a 1:a 2:a", "db-1", "", "change db to image:b (image:a image:b) on-delete"},
		{"strategy alone", Options{Name: "db", Image: "image:b", Mode: OnDelete}, false, "at=b rolling", "0:a 1:a 2:a", "db-1", "", "change on-delete"},
		{"controller has not seen it", upgrade, false, "at=b on-delete unseen", "0:a 1:a 2:a", "db-1", "", "wait: the StatefulSet controller to see"},
		{"then the pod, any", upgrade, false, "at=b on-delete", "0:a 1:a 2:a", "db-1", "", "evict db-1"},
		{"it ends", upgrade, false, "at=b on-delete", "0:a 1:a:terminating 2:a", "db-1", "", "wait: pod db-1 to end"},
		{"it has gone", upgrade, false, "at=b on-delete", "0:a 2:a", "db-1", "", "done"},
		{"it is another one", upgrade, false, "at=b on-delete", "0:a 1:b:unready 2:a", "db-1", "uid-1a", "done"},
		{"called again", upgrade, false, "at=b on-delete", "0:a 1:b 2:a", "db-1", "", "done"},
		{"another is not ready", upgrade, false, "at=b on-delete", "0:a 1:a 2:b:unready", "db-1", "", "wait: pod db-2, which is not ready (containers with unready"},
		{"another is missing", upgrade, false, "at=b on-delete", "0:a 1:a", "db-1", "", "wait: pod db-2, which is not ready (it is not there)"},
		{"no such pod", upgrade, false, "at=b on-delete", "0:a 1:a 2:a", "db-3", "", "error: StatefulSet db with 3 replicas has no pod db-3"},
		{"a pod of another set", upgrade, false, "at=b on-delete", "0:a 1:a 2:a", "db-x-1", "", "error: StatefulSet db with 3 replicas has no pod db-x-1"},
		{"ordinals from 5 on", upgrade, false, "at=b on-delete start=5", "5:a 6:a 7:a", "db-7", "", "evict db-7"},
		{"in the controller's order", upgrade, false, "at=a rolling", "0:a 1:a 2:a", "db-1", "", "error: StatefulSet db: its updateStrategy is RollingUpdate from 0 on"},
		{"two containers", upgrade, false, "at=a on-delete and=sidecar", "0:a 1:a 2:a", "db-1", "", "error: StatefulSet db has the containers db, sidecar"},
		{"two containers, one named", Options{Name: "db", Image: "image:b", Container: "db"}, false, "at=a on-delete and=sidecar", "0:a 1:a 2:a", "db-1", "", "change db to image:b"},
		{"no such container", Options{Name: "db", Image: "image:b", Container: "x"}, false, "at=a on-delete", "0:a 1:a 2:a", "db-1", "", "error: StatefulSet db has no container x, but db"},
		{"changed elsewhere", Options{Name: "db", Image: "image:b", Owner: Elsewhere}, false, "at=a on-delete", "0:a 1:a 2:a", "db-1", "", "wait: StatefulSet db to get the image image:b"},

		{"partition: image", upgrade, false, "at=a partition=1", "0:a 1:a 2:a", "db-2", "", "change db to image:b (image:a image:b) partition=3"},
		{"partition: out of order, before anything is changed", upgrade, false, "at=a partition=3", "0:a 1:a 2:a", "db-0", "", "error: pod db-0 cannot be replaced before db-2"},
		{"partition: highest", upgrade, false, "at=b partition=3", "0:a 1:a 2:a", "db-2", "", "change partition=2"},
		{"partition: next", upgrade, false, "at=b partition=2", "0:a 1:a 2:b", "db-1", "", "change partition=1"},
		{"partition: out of order", upgrade, false, "at=b partition=2", "0:a 1:a 2:b", "db-0", "", "error: pod db-0 cannot be replaced before db-1"},
		{"partition: lowered", upgrade, false, "at=b partition=1", "0:a 1:a 2:b", "db-1", "", "wait: the StatefulSet controller to replace pod db-1"},
		{"partition: lowered and broken", upgrade, false, "at=b partition=1", "0:a 1:a:unready 2:b", "db-1", "", "evict db-1"},
		{"partition: the last one is done", upgrade, false, "at=b partition=0", "0:b 1:b 2:b", "db-0", "", "done"},
		{"partition: ordinals from 5 on", upgrade, false, "at=b partition=3 start=5", "5:a 6:a 7:a", "db-7", "", "change partition=2"},

		{"restart", restart, false, "at=a rolling", "0:a 1:a 2:a", "db-0", "", "evict db-0"},
		{"restart: another one by now", restart, false, "at=a rolling", "0:a:unready 1:a 2:a", "db-0", "uid-0z", "done"},
		{"restart: another is not ready", restart, false, "at=a rolling", "0:a 1:a:unscheduled 2:a", "db-0", "", "wait: pod db-1, which is not ready (Unschedulable: 0/3 nodes"},

		{"back", upgrade, true, "at=b on-delete kept=image:a_image:b", "0:a 1:b 2:b", "db-1", "", "change db to image:a (image:a image:b)"},
		{"back: as it was said", Options{Name: "db", Image: "image:b", Previous: "image:z"}, true, "at=b on-delete kept=image:a_image:b", "0:a 1:b 2:b", "db-1", "", "change db to image:z (image:z image:b)"},
		{"back: kept of another change", upgrade, true, "at=c on-delete kept=image:a_image:b", "0:c 1:c 2:c", "db-1", "", "error: StatefulSet db: nothing tells which image"},
		{"back: as the other pods have", upgrade, true, "at=b on-delete", "0:a 1:b 2:b", "db-1", "", "change db to image:a (image:a image:b)"},
		{"back: pods of two images", upgrade, true, "at=c on-delete", "0:a 1:b 2:c", "db-2", "", "error: StatefulSet db: nothing tells which image"},
		{"back: changed", upgrade, true, "at=a on-delete kept=image:a_image:b", "0:a 1:b 2:b", "db-1", "", "evict db-1"},
		{"back: one that is broken beside another", upgrade, true, "at=a on-delete kept=image:a_image:b", "0:a 1:b:unready 2:b:unready", "db-1", "", "evict db-1"},
		{"back: one that was never changed", upgrade, true, "at=a on-delete kept=image:a_image:b", "0:a 1:b 2:b", "db-0", "", "done"},
		{"back: partition, none may go by itself", upgrade, true, "at=b partition=1 kept=image:a_image:b", "0:a 1:b 2:b", "db-2", "", "change db to image:a (image:a image:b) partition=3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := situation(tt.set, tt.pods)
			if got := say(v.stop(&tt.options, tt.back, tt.pod, tt.old)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("stop %s: %q, want %q", tt.pod, got, tt.want)
			}
		})
	}
}

func TestStart(t *testing.T) {
	upgrade := Options{Name: "db", Image: "image:b"}
	restart := Options{Name: "db"}
	tests := []struct {
		name      string
		options   Options
		set, pods string
		old       string
		want      string // its beginning
	}{
		{"ready", upgrade, "at=b on-delete", "0:a 1:b 2:a", "uid-1a", "done"},
		{"ready, in another process", upgrade, "at=b on-delete", "0:a 1:b 2:a", "", "done"},
		{"not made", upgrade, "at=b on-delete", "0:a 2:a", "uid-1a", "wait: the StatefulSet controller to make pod db-1"},
		{"the old one still", upgrade, "at=b on-delete", "0:a 1:a 2:a", "uid-1a", "wait: pod db-1 to end"},
		{"terminating", upgrade, "at=b on-delete", "0:a 1:b:terminating 2:a", "", "wait: pod db-1 to end"},
		{"of the old revision", upgrade, "at=b on-delete", "0:a 1:a 2:a", "", "wait: pod db-1 to be of revision b: it is of a"},
		{"not ready", upgrade, "at=b on-delete", "0:a 1:b:unready 2:a", "", "wait: pod db-1 to be ready: containers with unready status: [db]"},
		{"image cannot be had", upgrade, "at=b on-delete", "0:a 1:b:ImagePullBackOff 2:a", "", "wait: pod db-1 to be ready: container db: ImagePullBackOff it does not"},
		{"image cannot be one", upgrade, "at=b on-delete", "0:a 1:b:InvalidImageName 2:a", "", "error: pod db-1 cannot start: container db: InvalidImageName"},
		{"no node for it", upgrade, "at=b on-delete", "0:a 1:b:unscheduled 2:a", "", "wait: pod db-1 to be ready: Unschedulable: 0/3 nodes are available"},
		{"changed meanwhile", upgrade, "at=c on-delete", "0:a 1:b 2:a", "uid-1a", "error: StatefulSet db has been changed by somebody else"},
		{"the last of a partition", upgrade, "at=b partition=0", "0:b 1:b 2:b", "", "done"},
		{"restart", restart, "at=a rolling", "0:a 1:a 2:a", "uid-1z", "done"},
		{"restart: the old one still", restart, "at=a rolling", "0:a 1:a 2:a", "uid-1a", "wait: pod db-1 to end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := situation(tt.set, tt.pods)
			if got := say(v.start(&tt.options, false, "db-1", tt.old)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("start: %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStopOperator(t *testing.T) {
	o := Options{Name: "sr-be", Image: "be:2", Owner: StarRocksCluster}
	onDelete := o
	onDelete.Mode = OnDelete
	partition := o
	partition.Mode = Partition
	const oldRolling = `{"metadata":{"resourceVersion":"70"},"spec":{"starRocksBeSpec":{"image":"be:1"}}}`
	const newOnDelete = `{"metadata":{"resourceVersion":"70"},"spec":{"starRocksBeSpec":{"image":"be:2","updateStrategy":{"type":"OnDelete"}}}}`
	tests := []struct {
		name              string
		options           Options
		cluster           string
		image, strategy   string // the StatefulSet's
		want, patchOfBoth string
	}{
		{"as it is", o, oldRolling, "be:1", `{"type":"RollingUpdate","rollingUpdate":{"partition":0}}`, "error: StatefulSet sr-be: its updateStrategy is RollingUpdate from 0 on", ""},
		{
			"on-delete", onDelete, oldRolling, "be:1", `{"type":"RollingUpdate","rollingUpdate":{"partition":0}}`, "change be to be:2 (be:1 be:2) on-delete",
			`{"metadata":{"annotations":{"segue/previous-image.be":"be:1 be:2"},"resourceVersion":"70"},"spec":{"starRocksBeSpec":{"image":"be:2","updateStrategy":{"rollingUpdate":null,"type":"OnDelete"}}}}`,
		},
		{
			"partition", partition, oldRolling, "be:1", `{"type":"RollingUpdate","rollingUpdate":{"partition":0}}`, "change be to be:2 (be:1 be:2) partition=3",
			`{"metadata":{"annotations":{"segue/previous-image.be":"be:1 be:2"},"resourceVersion":"70"},"spec":{"starRocksBeSpec":{"image":"be:2","updateStrategy":{"rollingUpdate":{"partition":3},"type":"RollingUpdate"}}}}`,
		},
		{"not carried on", onDelete, newOnDelete, "be:1", `{"type":"RollingUpdate"}`, "wait: the StarRocks operator to change StatefulSet sr-be: does it run", ""},
		{"image carried on, strategy not", onDelete, newOnDelete, "be:2", `{"type":"RollingUpdate"}`, "wait: the StarRocks operator to change StatefulSet sr-be", ""},
		{
			"waits for the FEs", onDelete, `{"spec":{"waitForFullRollout":true,"starRocksBeSpec":{"image":"be:2","updateStrategy":{"type":"OnDelete"}}}}`, "be:1", `{"type":"RollingUpdate"}`,
			"wait: the StarRocks operator to change StatefulSet sr-be: with waitForFullRollout", "",
		},
		{"carried on", onDelete, newOnDelete, "be:2", `{"type":"OnDelete"}`, "evict sr-be-1", ""},
		{"no such part", onDelete, `{"spec":{}}`, "be:2", `{"type":"OnDelete"}`, "error: StarRocksCluster  has no starRocksBeSpec", ""},
		{
			"partition lowered in the cluster alone", partition,
			`{"spec":{"starRocksBeSpec":{"image":"be:2","updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":1}}}}}`, "be:2", `{"type":"RollingUpdate","rollingUpdate":{"partition":3}}`,
			"wait: the StarRocks operator to lower the partition", "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := situation("at=b", "")
			v.set.Metadata.Name = "sr-be"
			v.set.Spec.Template.Spec.Containers = []container{{Name: "be", Image: tt.image}}
			v.set.Spec.UpdateStrategy = strategy{}
			must(json.Unmarshal([]byte(tt.strategy), &v.set.Spec.UpdateStrategy))
			for name, p := range pods("0:a 1:a 2:b") {
				p.Metadata.Name = "sr-be" + strings.TrimPrefix(name, "db")
				p.Spec.Containers = []container{{Name: "be", Image: map[string]string{"a": "be:1", "b": "be:2"}[p.revision()]}}
				v.pods[p.Metadata.Name] = p
			}
			v.cluster = new(cluster)
			must(json.Unmarshal([]byte(tt.cluster), v.cluster))
			st := v.stop(&tt.options, false, "sr-be-1", "")
			if got := say(st); !strings.HasPrefix(got, tt.want) {
				t.Fatalf("stop: %q, want %q", got, tt.want)
			}
			if tt.patchOfBoth == "" {
				return
			}
			patch, err := json.Marshal(st.change.ofCluster(component("sr-be")))
			if string(patch) != tt.patchOfBoth || err != nil {
				t.Errorf("patch %s (%v), want %s", patch, err, tt.patchOfBoth)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		options Options
		err     string
	}{
		{Options{Name: "db"}, ""},
		{Options{Name: "db/../x"}, "no name of a StatefulSet"},
		{Options{Name: ""}, "no name of a StatefulSet"},
		{Options{Name: "db", Namespace: "A"}, "no name of a namespace"},
		{Options{Name: "db", Mode: "x"}, "want on-delete or partition"},
		{Options{Name: "db", Owner: "x"}, "want starrocks-cluster or elsewhere"},
		{Options{Name: "db", Owner: StarRocksCluster}, "does not end in -fe"},
		{Options{Name: "-fe", Owner: StarRocksCluster}, "no name"},
		{Options{Name: "db", Owner: Elsewhere, Mode: OnDelete}, "changed elsewhere"},
	}
	for _, tt := range tests {
		err := tt.options.check()
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("check %+v: %v, want %q", tt.options, err, tt.err)
		}
	}
}

func TestSelector(t *testing.T) {
	var s selector
	must(json.Unmarshal([]byte(`{"matchLabels":{"b":"2","a":"1"},"matchExpressions":[{"key":"c","operator":"In","values":["x","y"]},{"key":"d","operator":"NotIn","values":["z"]},{"key":"e","operator":"Exists"},{"key":"f","operator":"DoesNotExist"}]}`), &s))
	if got, want := s.String(), "!f,a=1,b=2,c in (x,y),d notin (z),e"; got != want {
		t.Errorf("selector %q, want %q", got, want)
	}
}
