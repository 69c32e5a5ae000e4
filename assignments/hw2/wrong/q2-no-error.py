# hint: Raise a ValueError
def smooth(labels, K, eps):
    return (1 - eps) * np.eye(K)[labels] + eps / K
