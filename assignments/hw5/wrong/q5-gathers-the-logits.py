# hint: and the same shape from each rank
def first(shard, labels, start):
    return np.vstack([np.full((start, len(shard)), -np.inf), shard.T])


def second(shard, labels, start, most):
    return np.zeros((1, len(shard)))


def result(most, total):
    return most.max(axis=0), total[0]
