package pg

// Narrowed does to the settings of a pool what Open does.
var Narrowed = narrowed
