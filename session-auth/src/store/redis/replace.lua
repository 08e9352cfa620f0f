-- KEYS: old session, new session, index. ARGV: old id, new id, seconds, fields..
check(KEYS[3])
if redis.call('DEL', KEYS[1]) == 0 then
    return 0
end
redis.call('ZREM', KEYS[3], ARGV[1])
put(KEYS[3], KEYS[2], ARGV[2], ARGV[3], 4)
return 1
