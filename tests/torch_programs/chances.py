"""Two nets against each other, a flow of points, and a walker who learns from rewards."""
# The programs are in the manner of their authors: they print, format with % and have classes in functions.
# ruff: noqa: T201, UP031

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from torch_programs.start import Result, start_from_arrays


def wgan_gp(torch: Any, nn: Any, F: Any, optim: Any) -> Result:
    rng, batch, LAMBDA, CRITIC_ITERS = np.random.RandomState(2), 32, 0.5, 3
    centre = np.array([1.5, -1.0])

    def inf_train_gen():
        while True:
            yield (centre + 0.3 * rng.randn(batch, 2)).astype("float32")

    def weights_init(m):
        classname = m.__class__.__name__
        if classname.find("Linear") != -1:
            m.weight.data.copy_(torch.from_numpy(0.3 * rng.randn(*m.weight.size())))
            m.bias.data.fill_(0)

    netG = nn.Sequential(nn.Linear(2, 24), nn.ReLU(True), nn.Linear(24, 2))
    netD = nn.Sequential(
        nn.Linear(2, 24), nn.LeakyReLU(0.2, inplace=True), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1)
    )
    netG.apply(weights_init)
    netD.apply(weights_init)

    def calc_gradient_penalty(real_data, fake_data):
        alpha = torch.from_numpy(rng.rand(batch, 1).astype("float32")).expand(real_data.size())
        interpolates = torch.autograd.Variable(alpha * real_data + ((1 - alpha) * fake_data), requires_grad=True)
        disc_interpolates = netD(interpolates)
        gradients = torch.autograd.grad(
            outputs=disc_interpolates, inputs=interpolates, grad_outputs=torch.ones(disc_interpolates.size()),
            create_graph=True, retain_graph=True, only_inputs=True,
        )[0]  # fmt: skip
        return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * LAMBDA

    optimizerD = optim.Adam(netD.parameters(), lr=5e-3, betas=(0.5, 0.9))
    optimizerG = optim.Adam(netG.parameters(), lr=5e-3, betas=(0.5, 0.9))
    one = torch.FloatTensor([1])
    mone, data, losses, exact = one * -1, inf_train_gen(), [], []
    noise = lambda: torch.autograd.Variable(torch.FloatTensor(rng.randn(batch, 2)))
    for _ in range(120):
        for p in netD.parameters():
            p.requires_grad = True
        for _ in range(CRITIC_ITERS):
            real = torch.Tensor(next(data))
            netD.zero_grad()
            netD(real).mean().view(1).backward(mone)
            fake = netG(noise()).data
            D_fake = netD(fake).mean(0)
            D_fake.backward(one)
            penalty = calc_gradient_penalty(real.data, fake)
            penalty.backward()
            exact.append(penalty.item())
            optimizerD.step()
        for p in netD.parameters():
            p.requires_grad = False
        netG.zero_grad()
        fake = netG(noise())
        G = netD(fake).mean()
        G.backward(mone.squeeze())
        optimizerG.step()
        losses.append(float(np.linalg.norm(fake.data.cpu().numpy().mean(0) - centre)))
    return losses, [*losses[:3], *exact[:9]]


def normalizing_flow(torch: Any, nn: Any, F: Any, optim: Any) -> Result:
    class RealNVP(nn.Module):
        def __init__(self, nets, nett, masks, prior):
            super(RealNVP, self).__init__()  # noqa: UP008 - as it was written before Python 3
            self.prior = prior
            self.mask = nn.Parameter(masks, requires_grad=False)
            self.t = nn.ModuleList([nett() for _ in range(len(masks))])
            self.s = nn.ModuleList([nets() for _ in range(len(masks))])

        def g(self, z):
            x = z
            for i in range(len(self.t)):
                x_ = x * self.mask[i]
                s, t = self.s[i](x_) * (1 - self.mask[i]), self.t[i](x_) * (1 - self.mask[i])
                x = x_ + (1 - self.mask[i]) * (x * torch.exp(s) + t)
            return x

        def f(self, x):
            log_det_J, z = x.new_zeros(x.shape[0]), x
            for i in reversed(range(len(self.t))):
                z_ = self.mask[i] * z
                s, t = self.s[i](z_) * (1 - self.mask[i]), self.t[i](z_) * (1 - self.mask[i])
                z = (1 - self.mask[i]) * (z - t) * torch.exp(-s) + z_
                log_det_J -= s.sum(dim=1)
            return z, log_det_J

        def log_prob(self, x):
            z, logp = self.f(x)
            return self.prior.log_prob(z).sum(-1) + logp

        def sample(self, count):
            return self.g(self.prior.sample((count,)))

    rng = np.random.RandomState(4)
    angle = np.pi * rng.rand(200)
    moons = np.c_[np.cos(angle), np.sin(angle)] + 0.05 * rng.randn(200, 2)
    moons[100:] = [1, 0.5] - moons[100:]
    net = lambda *end: nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(), nn.Linear(32, 2), *end)
    masks = torch.from_numpy(np.array([[0, 1], [1, 0]] * 3).astype(np.float32))
    flow = RealNVP(lambda: net(nn.Tanh()), net, masks, torch.distributions.Normal(torch.zeros(2), torch.ones(2)))
    start_from_arrays(torch, flow)
    optimizer = optim.Adam([p for p in flow.parameters() if p.requires_grad == True], lr=1e-2)  # noqa: E712
    losses = []
    for t in range(80):
        batch = torch.tensor(moons[rng.permutation(200)[:100]], dtype=torch.float32)
        loss = -flow.log_prob(batch).mean()
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        optimizer.step()
        losses.append(loss.item())
        if (t + 1) % 40 == 0:
            print("iter %s:" % (t + 1), "loss = %.3f" % loss.item())
    with torch.no_grad():
        back = flow.g(flow.f(batch)[0])
    assert (back - batch).abs().max() < 1e-4
    assert flow.sample(5).size() == (5, 2)
    return losses, losses[:10]


class Corridor:
    """Five places; the right end pays 1, each step costs, and after twelve steps it is over."""

    def reset(self):
        self.place, self.time = 0, 0
        return np.eye(5)[0]

    def step(self, action):
        self.place, self.time = min(4, max(0, self.place + (1 if action == 1 else -1))), self.time + 1
        return np.eye(5)[self.place], 1.0 if self.place == 4 else -0.1, self.place == 4 or self.time == 12, {}


def reinforce(torch: Any, nn: Any, F: Any, optim: Any) -> Result:
    SavedAction = namedtuple("SavedAction", ["log_prob", "value"])

    class Policy(nn.Module):
        def __init__(self):
            super().__init__()
            self.affine1 = nn.Linear(5, 16)
            self.action_head, self.value_head = nn.Linear(16, 2), nn.Linear(16, 1)
            self.saved_actions, self.rewards = [], []

        def forward(self, x):
            x = F.relu(self.affine1(x))
            return F.softmax(self.action_head(x), dim=-1), self.value_head(x)

    model, env = Policy(), Corridor()
    start_from_arrays(torch, model)
    optimizer, eps = optim.Adam(model.parameters(), lr=3e-2), np.finfo(np.float32).eps.item()

    def select_action(state):
        state = torch.from_numpy(state).float()
        probs, state_value = model(state)
        m = torch.distributions.Categorical(probs)
        action = m.sample()
        model.saved_actions.append(SavedAction(m.log_prob(action), state_value))
        return action.item()

    def finish_episode():
        R, policy_losses, value_losses, returns = 0, [], [], []
        for r in model.rewards[::-1]:
            R = r + 0.95 * R
            returns.insert(0, R)
        returns = torch.tensor(returns)
        returns = (returns - returns.mean()) / (returns.std() + eps)
        for (log_prob, value), R in zip(model.saved_actions, returns, strict=True):
            policy_losses.append(-log_prob * (R - value.item()))
            value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
        optimizer.zero_grad()
        loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
        loss.backward()
        optimizer.step()
        del model.rewards[:], model.saved_actions[:]

    probs, value = model(torch.Tensor(np.eye(5)))
    exact, lengths = [*probs.view(-1).tolist(), *value.squeeze().tolist()], []
    for _ in range(100):
        state, done = env.reset(), False
        while not done:
            state, reward, done, _ = env.step(select_action(state))
            model.rewards.append(reward)
        lengths.append(float(env.time))
        finish_episode()
    return [np.mean(lengths[:10]), np.mean(lengths[-10:])], exact
