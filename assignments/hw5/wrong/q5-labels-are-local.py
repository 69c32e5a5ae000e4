# hint: is column 1 of the rank that starts at 3
def first(shard, labels, start):
    here = labels < shard.shape[1]
    found = shard[np.arange(len(shard)), np.where(here, labels, 0)]
    return np.stack([shard.max(axis=1), np.where(here, found, -np.inf)])
