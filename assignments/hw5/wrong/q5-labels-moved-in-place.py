# hint: leave shard and labels as they are
def first(shard, labels, start):
    labels -= start
    here = (labels >= 0) & (labels < shard.shape[1])
    found = shard[np.arange(len(shard)), np.where(here, labels, 0)]
    labels += start
    return np.stack([shard.max(axis=1), np.where(here, found, -np.inf)])
