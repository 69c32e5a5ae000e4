# hint: A sum that holds a 1 rounds that away
def second(shard, labels, start, most):
    sums = np.exp(shard - most[0][:, None]).sum(axis=1)
    return np.stack([sums, (shard > most[1][:, None]).sum(axis=1)])


def result(most, total):
    return most[0] - most[1] + np.log(total[0]), total[1].astype(int)
