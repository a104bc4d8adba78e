package k8s

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// held makes the error of an object of ours that is deleted and does not go. It is in force as long as it is there.
func held(c adapter.Call, object metav1.Object) error {
	return c.Fail(topology.ErrTerminating, fmt.Sprintf("%s is being deleted and held by its finalizers %q; have them removed, and run again", object.GetName(), object.GetFinalizers()))
}

// failed makes the error of a request that failed with cause. An error that says everything already stays as it is.
func failed(c adapter.Call, cause error) error {
	var done *topology.Error
	if errors.As(cause, &done) {
		return cause
	}
	detail, reason := classify(cause)
	return c.Wrap(reason, detail, cause)
}

// classify finds the sentinel of a raw error, and what to do about it.
func classify(err error) (detail string, reason error) {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return "the namespace is being deleted; run again once it is gone", topology.ErrTerminating
	case errors.Is(err, errVanished):
		return "somebody else keeps removing it; run again once they are done", topology.ErrConflict
	case apierrors.IsNotFound(err):
		return "", topology.ErrNotFound
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return "the cluster refuses; Ready lists the permissions that are missing", topology.ErrForbidden
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return "somebody else keeps changing it; run again once they are done", topology.ErrConflict
	case !transient(err) && !isNetwork(err): // the cluster refuses it, or the client does not even send it
		return "the value is not accepted", topology.ErrInvalid
	default:
		return "the API server cannot be reached, does not answer or is overloaded", topology.ErrUnavailable
	}
}

// isNetwork tells an error of the way to the cluster from one of the cluster or the client itself.
func isNetwork(err error) bool {
	var onTheWay *url.Error
	return errors.As(err, &onTheWay)
}

// errVanished is what becomes of an update whose object is gone by then: a race, after which it is to be created.
var errVanished = errors.New("it was deleted in between")

func vanished(err error) error {
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%w: %w", errVanished, err)
	}
	return err
}

// transient tells whether the same request may succeed later. A conflict and a race for a name may, after reading again, and so may a list that
// took longer than the server remembers its version.
func transient(err error) bool {
	if errors.Is(err, errVanished) {
		return true
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout ||
			code == http.StatusGone || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
	}
	var broken *brokenOffError
	var network net.Error
	return errors.As(err, &broken) || errors.As(err, &network) && network.Timeout() || utilnet.IsConnectionReset(err) || utilnet.IsConnectionRefused(err) ||
		utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE)
}
