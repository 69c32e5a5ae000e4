# hint: compare with the sum of q_j F_jk taken literally
def posterior(z, written, F):
    chances = F[:, written].T
    return chances / chances.sum(axis=1, keepdims=True)
