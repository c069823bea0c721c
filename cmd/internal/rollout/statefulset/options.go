package statefulset

import (
	"errors"
	"fmt"
	"slices"

	"segue/backend/discover/kube"
)

// Mode is how the pods of a set are kept from being replaced but one by one.
type Mode string

// The modes.
const (
	// AsIs takes what the set's updateStrategy is: OnDelete, or RollingUpdate with a partition above 0.
	AsIs Mode = ""
	// OnDelete has the set's updateStrategy made OnDelete together with the change of the image: any order is possible.
	OnDelete Mode = "on-delete"
	// Partition has it made RollingUpdate with a partition, which is lowered one by one: pods go from the highest ordinal down.
	Partition Mode = "partition"
)

// Owner is where the image of a set is changed.
type Owner string

// The owners.
const (
	// Itself: in the StatefulSet.
	Itself Owner = ""
	// StarRocksCluster: in the StarRocksCluster whose operator made the set, which is named CLUSTER-fe, CLUSTER-be or CLUSTER-cn.
	StarRocksCluster Owner = "starrocks-cluster"
	// Elsewhere: by somebody else (another operator, GitOps), for whom Segue waits.
	Elsewhere Owner = "elsewhere"
)

// Options say which StatefulSet is rolled out, and how.
type Options struct {
	// Namespace is the set's; empty: the client's. Name is the StatefulSet's.
	Namespace, Name string
	// Image is the one that pods are to run; empty: they are restarted as they are.
	Image string
	// Previous is the image to go back to; empty: the one that was found when Segue changed it, which an annotation of the changed object keeps.
	Previous string
	// Container is the one whose image is changed; empty: the one that the annotation kubectl.kubernetes.io/default-container names, or the only one.
	Container string
	Mode      Mode
	Owner     Owner
	// Progress gets what is being waited for, whenever that changes. May be nil.
	Progress func(string)
}

func (o Options) check() error {
	switch {
	case !kube.ValidName(o.Name):
		return fmt.Errorf("%q is no name of a StatefulSet", o.Name)
	case o.Namespace != "" && !kube.ValidName(o.Namespace):
		return fmt.Errorf("%q is no name of a namespace", o.Namespace)
	case !slices.Contains([]Mode{AsIs, OnDelete, Partition}, o.Mode):
		return fmt.Errorf("mode %q: want %s or %s", o.Mode, OnDelete, Partition)
	case !slices.Contains([]Owner{Itself, StarRocksCluster, Elsewhere}, o.Owner):
		return fmt.Errorf("owner %q: want %s or %s", o.Owner, StarRocksCluster, Elsewhere)
	case o.Owner == StarRocksCluster && component(o.Name) == nil:
		return fmt.Errorf("StatefulSet %s: its name does not end in -fe, -be or -cn, as those of the StarRocks operator do", o.Name)
	case o.Owner == Elsewhere && o.Mode != AsIs:
		return errors.New("the strategy of a StatefulSet that is changed elsewhere is changed there, too")
	}
	return nil
}
