package provisiontest

// Matched is for the package's own tests.
var Matched = matched
