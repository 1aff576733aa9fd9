package problem

import "github.com/low-layer/platform/libs/errs"

// Reasons of deletions and their receipts.
var endings = []Reason{
	{
		"RECEIPT_NOT_FOUND", "No such receipt", errs.CodeNotFound,
		"There is no receipt of this name, or it is not yours to see. What was removed before receipts were signed has none.",
		"List the receipts of the tenant and check the name.",
	},
	{
		"DELETION_PROTECTED", "Protected against deletion", errs.FailedPrecondition,
		"The resource named in the error has `deletionProtection`, so neither it nor anything it lies in can be deleted, not even with `force`.",
		"Lift it first: update that resource with `deletionProtection: false`, or run `lowlayer … update … --no-protect`.",
	},
	{
		"OBJECT_LEFT", "The cloud still holds an object", errs.Aborted,
		"The last look of a deletion found an object in the cloud that bears the name of the resource and is in no ledger. It is not removed, since nobody knows whose it is.",
		"Remove the object that the message names, or rename it. The deletion ends by itself.",
	},
}
