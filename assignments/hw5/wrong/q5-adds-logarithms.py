# hint: Measure every sum from the top of all ranks
def second(shard, labels, start, most):
    lse = np.log(np.exp(shard - most[0][:, None]).sum(axis=1))
    above = (shard > most[1][:, None]).sum(axis=1)
    return np.stack([lse, above])


def result(most, total):
    return most[0] - most[1] + total[0], total[1].astype(int)
