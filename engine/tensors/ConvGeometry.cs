namespace Engine.Tensors;

/// <summary>How a square window slides over an image: convolution and pooling alike.</summary>
/// <param name="Kernel">Rows and columns of the window.</param>
/// <param name="Stride">Pixels between two positions.</param>
/// <param name="Padding">Pixels added on each side: zeros for a convolution, nothing (-inf) for a max pool.</param>
public readonly record struct ConvGeometry(int Kernel, int Stride = 1, int Padding = 0)
{
    /// <summary>Window positions along an axis of <paramref name="extent"/> pixels; below 1 where the window does not fit.</summary>
    public int Output(int extent) => extent + 2 * Padding < Kernel ? 0 : (extent + 2 * Padding - Kernel) / Stride + 1;

    /// <summary>The output's shape for an (N, H, W, C) input and <paramref name="channels"/> output channels.</summary>
    public Shape Output(Shape x, int channels) => new(x.N, Output(x.H), Output(x.W), channels);

    /// <summary>A 1x1 window that touches every pixel once: a convolution with it is a matrix product.</summary>
    public bool IsPointwise => this is { Kernel: 1, Stride: 1, Padding: 0 };
}
