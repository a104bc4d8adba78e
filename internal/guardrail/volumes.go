package guardrail

import (
	"slices"

	kjson "sigs.k8s.io/json"
)

// claimed are the kinds of volumes that give access to nothing outside the namespace by themselves.
// Host paths are among them because pod security refuses them.
var claimed = []string{
	"configMap", "secret", "emptyDir", "projected", "downwardAPI",
	"persistentVolumeClaim", "ephemeral", "image", "hostPath",
}

func volumes(w write) string {
	if !w.created() {
		return ""
	}
	for _, v := range w.object.Spec.Volumes {
		isEmptyDir := len(v) == 1 // it has only a name
		if isEmptyDir || slices.ContainsFunc(claimed, v.has) {
			continue
		}
		var csi struct {
			Driver string `json:"driver"`
		}
		_ = kjson.UnmarshalCaseSensitivePreserveInts(v["csi"], &csi) // an error leaves it without a driver
		switch {
		case csi.Driver != "" && slices.Contains(w.Allowed.InlineDrivers, csi.Driver):
		case csi.Driver != "":
			return "the volume " + v.name() + " has no claim: use a persistentVolumeClaim, " +
				"or ask for the driver " + csi.Driver + " in storageAccess.inlineDrivers of the TenantScore"
		default:
			return "the volume " + v.name() + " has no claim: use a persistentVolumeClaim"
		}
	}
	return ""
}
