-- ARGV: subject, the id to spare or nothing, seconds to keep the generation, what the time is.
local generation = tonumber(redis.call('HGET', key, 'generation') or '0')
if not generation then
    return redis.error_reply('ERR the generation is not an integer')
end
local spared, ended = {}, 0
local id = present(ARGV[2])
for _, session in ipairs(sessions()) do
    if session[1] ~= id then
        ended = ended + 1
    else
        spared = session
        local parsed = parse(session[2])
        for _, before in ipairs(parsed and befores(parsed) or {}) do
            table.insert(spared, before)
            table.insert(spared, redis.call('HGET', key, before) or '')
        end
    end
end
local added = redis.call('HGET', key, 'added') or '0'
local left = tonumber(ARGV[3])
if #spared > 0 then
    left = math.max(left, redis.call('TTL', key))
end
-- The time, so that one which was forgotten is never given again.
generation = string.format('%.0f', math.max(generation + 1, tonumber(ARGV[4])))
-- One write, however many there are.
redis.call('UNLINK', key)
redis.call('HSET', key, 'subject', ARGV[1], 'generation', generation, 'added', added, unpack(spared))
redis.call('EXPIRE', key, left)
return ended
