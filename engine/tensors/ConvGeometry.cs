namespace Iba.Engine.Tensors;

/// <summary>Kernel size, stride and padding of a convolution or a pooling, equal along rows and columns.</summary>
/// <param name="Kernel">Kernel size: rows and columns alike.</param>
/// <param name="Stride">Pixels from one position of the kernel to the next.</param>
/// <param name="Padding">Pixels added on each side: zeros for a convolution, -inf for a max pool.</param>
public readonly record struct ConvGeometry(int Kernel, int Stride = 1, int Padding = 0)
{
    /// <summary>
    /// Output pixels along an axis of <paramref name="extent"/> input pixels; 0 if the kernel does not fit, kernel size or stride are below 1,
    /// padding is negative or makes the axis longer than an <see cref="int"/> can count, or <see cref="Tile"/> is negative, or more than 1 beside a stride
    /// or padding.
    /// </summary>
    public int Output(int extent)
    {
        long padded = extent + 2L * Padding;
        bool fits = Kernel >= 1 && Stride >= 1 && Padding >= 0 && padded >= Kernel && padded <= int.MaxValue && Tile >= 0
            && (Tile <= 1 || (Stride == 1 && Padding == 0));
        return fits ? ((int)padded - Kernel) / Stride + 1 : 0;
    }

    /// <summary>The output's shape for an (N, H, W, C) input and <paramref name="channels"/> output channels.</summary>
    public Shape Output(Shape x, int channels) => new(x.N, Output(x.H), Output(x.W), channels);

    /// <summary>The channels of an image in bfloat16: at least 8, so that a pixel is a whole 16-byte access.</summary>
    public static int Padded(int channels) => Math.Max(channels, 8);

    /// <summary>
    /// Side of the squares of output pixels that are computed together, for x that are windows of larger images: what
    /// <c>IBackend.Tile</c> says of the whole images, so that the windows get the same bits. 0: x are whole images, and the device chooses.
    /// </summary>
    public int Tile { get; init; }

    /// <summary>Whether the kernel is 1x1 with stride 1 and no padding: such a convolution is a matrix product.</summary>
    public bool IsPointwise => this is { Kernel: 1, Stride: 1, Padding: 0 };
}
