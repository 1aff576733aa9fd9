// Package reconcile compares Keystone with the ledger and repairs what people changed by hand.
package reconcile
