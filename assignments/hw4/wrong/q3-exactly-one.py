# hint: 0.7 + 0.2 + 0.1 is not quite 1
def seen_loss(z, written, F):
    if (F.sum(axis=1) != 1).any():
        raise ValueError("rows of F must sum to one")
    with np.errstate(divide="ignore"):
        return -log_sum_exp(log_softmax(z) + np.log(F[:, written].T)).mean()
