using Iba.Engine.Tensors;

namespace Iba.Engine.Backends;

/// <summary>What <see cref="IBackend.Turn"/> works on.</summary>
public sealed record MaskTurn
{
    /// <summary>(I, H, W, C) the features. C is a multiple of 4.</summary>
    public required Tensor X { get; init; }

    /// <summary>(1, H, W, C) their mean, standard deviation and activity (1 or 0).</summary>
    public required (Tensor Mean, Tensor Std, Tensor Active) Statistics { get; init; }

    /// <summary>The generator's noise; its step counts Adam's steps done before, too.</summary>
    public required Noise Noise { get; init; }

    /// <summary>Whether z is clamped to at least 0.</summary>
    public required bool Clamp { get; init; }

    /// <summary>The derivative of the loss with respect to each neuron's information.</summary>
    public required float Weight { get; init; }

    /// <summary>The weights of the blur.</summary>
    public required Tensor Taps { get; init; }

    /// <summary>Adam's.</summary>
    public required AdamSettings Settings { get; init; }

    /// <summary>(I, H, W, C) the parameter α and Adam's means and squares, which are updated.</summary>
    public required (Tensor Alpha, Tensor M, Tensor V) Parameter { get; init; }

    /// <summary>(I, H, W, C) λ of this step, then of the next.</summary>
    public required Tensor Mask { get; init; }

    /// <summary>(I x copies, H, W, C) the restricted features of this step, then of the next.</summary>
    public required Tensor Z { get; init; }

    /// <summary>(I x copies, H, W, C) the gradient of <see cref="Z"/>.</summary>
    public required Tensor Dz { get; init; }

    /// <summary>(I) the next step's information in nats, mean over neurons.</summary>
    public required Tensor Information { get; init; }
}
