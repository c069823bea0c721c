// Package statefulset replaces the pods of Kubernetes StatefulSets one by one, in the order that its caller gives, also where an operator made the sets: the
// StarRocks operator's are changed in the StarRocksCluster, and it carries the change on.
//
// What is to be done follows from what the API server tells of the set and its pods (decide.go, pure), so that a rollout may be broken off anywhere and gone on with by another
// process. A pod is replaced by evicting exactly the one that was seen, by its UID, so that a PodDisruptionBudget is honoured; or, in a partitioned rolling update, by lowering the
// partition by one, which the StatefulSet's controller does the rest of. Nothing else touches a pod.
//
// The image is changed with the first pod of a set, and not before: a pod that dies meanwhile comes back with the new one.
package statefulset
