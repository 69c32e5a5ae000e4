# hint: Raise a ValueError
def seen_loss(z, written, F):
    with np.errstate(divide="ignore"):
        return -log_sum_exp(log_softmax(z) + np.log(F[:, written].T)).mean()
