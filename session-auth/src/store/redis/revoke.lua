-- ARGV: id.
return drop(present(ARGV[1]))
