# hint: A mean of nothing is 0/0
def token_loss(z, labels):
    leaf = z.detach().clone().requires_grad_()
    loss = F.cross_entropy(leaf.transpose(1, 2), labels)
    loss.backward()
    return loss.detach(), leaf.grad
