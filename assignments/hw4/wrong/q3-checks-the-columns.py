# hint: its columns need not
def seen_loss(z, written, F):
    if np.abs(F.sum(axis=0) - 1).max() > 1e-9:
        raise ValueError("F must sum to one")
    with np.errstate(divide="ignore"):
        return -log_sum_exp(log_softmax(z) + np.log(F[:, written].T)).mean()
