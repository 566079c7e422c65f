namespace Iba.Engine.Backends;

/// <summary>Where a bilinear resize places the corners of an image.</summary>
public enum Corners
{
    /// <summary>
    /// Pixels are areas: output centre i lies at (i + 1/2) h / H - 1/2, clamped to the image (PyTorch's align_corners=False).
    /// </summary>
    HalfPixel,

    /// <summary>Pixels are points: the corner points of both images coincide, i (h - 1) / (H - 1) (align_corners=True).</summary>
    Aligned,

    /// <summary>
    /// As <see cref="HalfPixel"/>, but not clamped: outside, the image is mirrored about the centre of its edge pixel (skimage.transform.resize).
    /// </summary>
    Mirrored,
}
