-- KEYS: session, index, generation. ARGV: generation, id, seconds, fields..
if (redis.call('GET', KEYS[3]) or '0') ~= ARGV[1] then
    return 0
end
check(KEYS[2])
put(KEYS[2], KEYS[1], ARGV[2], ARGV[3], 4)
return 1
