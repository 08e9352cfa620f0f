-- KEYS: index. ARGV: what the keys of the subject's sessions begin with.
local sessions = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local row = redis.pcall('HGETALL', ARGV[1] .. id)
    if row.err then
        -- Of another type: no session has one field and no value.
        row = { '' }
    end
    if #row > 0 then
        table.insert(sessions, { id, row })
    end
end
return sessions
