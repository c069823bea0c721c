package statefulset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The parts of the API's objects that decide something.
type (
	meta struct {
		Name              string            `json:"name"`
		UID               string            `json:"uid"`
		ResourceVersion   string            `json:"resourceVersion"`
		Generation        int64             `json:"generation"`
		Labels            map[string]string `json:"labels"`
		Annotations       map[string]string `json:"annotations"`
		DeletionTimestamp *string           `json:"deletionTimestamp"`
		OwnerReferences   []struct {
			UID        string `json:"uid"`
			Controller bool   `json:"controller"`
		} `json:"ownerReferences"`
	}
	container struct {
		Name  string `json:"name"`
		Image string `json:"image"`
	}
	// set is a StatefulSet (apps/v1).
	set struct {
		Metadata meta `json:"metadata"`
		Spec     struct {
			Replicas *int `json:"replicas"`
			Ordinals struct {
				Start int `json:"start"`
			} `json:"ordinals"`
			ServiceName    string   `json:"serviceName"`
			Selector       selector `json:"selector"`
			UpdateStrategy strategy `json:"updateStrategy"`
			Template       struct {
				Metadata meta `json:"metadata"`
				Spec     struct {
					Containers []container `json:"containers"`
				} `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
		Status struct {
			ObservedGeneration int64  `json:"observedGeneration"`
			UpdateRevision     string `json:"updateRevision"`
		} `json:"status"`
	}
	strategy struct {
		Type          string   `json:"type"` // OnDelete, RollingUpdate
		RollingUpdate *rolling `json:"rollingUpdate"`
	}
	rolling struct {
		Partition int `json:"partition"`
	}
	selector struct {
		MatchLabels      map[string]string `json:"matchLabels"`
		MatchExpressions []struct {
			Key      string   `json:"key"`
			Operator string   `json:"operator"`
			Values   []string `json:"values"`
		} `json:"matchExpressions"`
	}
	// pod is a Pod (v1).
	pod struct {
		Metadata meta `json:"metadata"`
		Spec     struct {
			Containers []container `json:"containers"`
		} `json:"spec"`
		Status struct {
			Phase      string `json:"phase"`
			Conditions []struct {
				Type    string `json:"type"`
				Status  string `json:"status"`
				Reason  string `json:"reason"`
				Message string `json:"message"`
			} `json:"conditions"`
			PodIPs []struct {
				IP string `json:"ip"`
			} `json:"podIPs"`
			InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
			ContainerStatuses     []containerStatus `json:"containerStatuses"`
		} `json:"status"`
	}
	containerStatus struct {
		Name  string `json:"name"`
		State struct {
			Waiting *struct {
				Reason  string `json:"reason"`
				Message string `json:"message"`
			} `json:"waiting"`
		} `json:"state"`
	}
)

// String writes the selector as the API takes it in a query.
func (s *selector) String() string {
	var parts []string
	for key, value := range s.MatchLabels {
		parts = append(parts, key+"="+value)
	}
	for _, e := range s.MatchExpressions {
		switch e.Operator {
		case "Exists":
			parts = append(parts, e.Key)
		case "DoesNotExist":
			parts = append(parts, "!"+e.Key)
		default: // In, NotIn
			parts = append(parts, fmt.Sprintf("%s %s (%s)", e.Key, strings.ToLower(e.Operator), strings.Join(e.Values, ",")))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// replicas is how many pods the set has.
func (s *set) replicas() int {
	if s.Spec.Replicas == nil {
		return 1
	}
	return *s.Spec.Replicas
}

// index is the place of a pod in its set, as partitions count it; false: it is none of the set's.
func (s *set) index(name string) (int, bool) {
	text, ok := strings.CutPrefix(name, s.Metadata.Name+"-")
	ordinal, err := strconv.Atoi(text)
	if !ok || err != nil || strconv.Itoa(ordinal) != text {
		return 0, false
	}
	i := ordinal - s.Spec.Ordinals.Start
	return i, i >= 0 && i < s.replicas()
}

// partition is the index from which on pods are replaced by the controller itself; OnDelete: none is.
func (s *set) partition() int {
	switch {
	case s.Spec.UpdateStrategy.Type == "OnDelete":
		return s.replicas()
	case s.Spec.UpdateStrategy.RollingUpdate == nil:
		return 0
	}
	return s.Spec.UpdateStrategy.RollingUpdate.Partition
}

func (s *set) onDelete() bool { return s.Spec.UpdateStrategy.Type == "OnDelete" }

// observed tells whether the status is of the spec as it is now.
func (s *set) observed() bool {
	return s.Status.ObservedGeneration >= s.Metadata.Generation && s.Status.UpdateRevision != ""
}

// container finds the container whose image counts.
func (s *set) container(name string) (container, error) {
	all := s.Spec.Template.Spec.Containers
	if name == "" {
		name = s.Spec.Template.Metadata.Annotations["kubectl.kubernetes.io/default-container"]
	}
	if name == "" && len(all) == 1 {
		return all[0], nil
	}
	var names []string
	for _, c := range all {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	if name == "" {
		return container{}, fmt.Errorf("StatefulSet %s has the containers %s: say which one's image is changed", s.Metadata.Name, strings.Join(names, ", "))
	}
	return container{}, fmt.Errorf("StatefulSet %s has no container %s, but %s", s.Metadata.Name, name, strings.Join(names, ", "))
}

func (p *pod) terminating() bool { return p.Metadata.DeletionTimestamp != nil }

// revision is the one of the set that the pod was made from.
func (p *pod) revision() string { return p.Metadata.Labels["controller-revision-hash"] }

// image is that of the container; empty: the pod has none of the name.
func (p *pod) image(container string) string {
	for _, c := range p.Spec.Containers {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}

func (p *pod) owned(by *set) bool {
	for _, o := range p.Metadata.OwnerReferences {
		if o.Controller && o.UID == by.Metadata.UID {
			return true
		}
	}
	return false
}

// ready tells whether the pod serves by its own probes, and why it does not.
func (p *pod) ready() (bool, string) {
	if p.terminating() {
		return false, "it terminates"
	}
	why := strings.ToLower("phase " + p.Status.Phase)
	for _, c := range p.Status.Conditions {
		switch {
		case c.Type == "Ready" && c.Status == "True":
			return true, ""
		case c.Type == "PodScheduled" && c.Status == "False":
			return false, trim(c.Reason + ": " + c.Message)
		case c.Type == "Ready" && c.Message != "":
			why = c.Message
		}
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" {
			return false, trim(fmt.Sprintf("container %s: %s %s", c.Name, w.Reason, w.Message))
		}
	}
	return false, trim(why)
}

// hopeless says what no waiting mends.
func (p *pod) hopeless() string {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && w.Reason == "InvalidImageName" {
			return trim(fmt.Sprintf("container %s: %s %s", c.Name, w.Reason, w.Message))
		}
	}
	return ""
}

// trim keeps what others wrote to a line of bearable length.
func trim(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strings.TrimRight(text, ": ")
}

func parse[T any](objects []json.RawMessage) ([]*T, error) {
	list := make([]*T, len(objects))
	for i, o := range objects {
		list[i] = new(T)
		if err := json.Unmarshal(o, list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}
