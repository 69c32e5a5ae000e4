# hint: is column 1 of the rank that starts at 3
def first(shard, labels, start):
    at = np.minimum(labels - start, shard.shape[1] - 1)
    found = shard[np.arange(len(shard)), at]
    return np.stack([shard.max(axis=1), found])
