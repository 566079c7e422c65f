namespace Iba.Datasets;

/// <summary>An object of an image: its class and its box.</summary>
public sealed record AnnotatedObject(string Name, Box Box);

/// <summary>
/// The boxes of an image in the XML of Pascal VOC, which ImageNet uses too. Corners are in pixels of an image of the annotation's own
/// size, which need not be that of the file at hand.
/// </summary>
/// <param name="FileName">The image's name as the annotation gives it: ImageNet leaves out the extension.</param>
/// <param name="Width">Width of the annotated image, pixels.</param>
/// <param name="Height">Height of the annotated image, pixels.</param>
/// <param name="Objects">In the order of the file.</param>
public sealed record Annotation(string FileName, int Width, int Height, IReadOnlyList<AnnotatedObject> Objects)
{
    /// <summary>Reads an annotation file.</summary>
    /// <exception cref="DatasetException">
    /// The file cannot be read, is far larger than any annotation, is no XML or holds a DTD, or size or corners are missing or no numbers.
    /// </exception>
    public static Annotation Read(string path) => AnnotationXml.Read(path);

    /// <summary>Writes an annotation file, which appears whole or not at all. The same annotation gives the same bytes.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public void Write(string path) => AnnotationXml.Write(path, this);

    /// <summary>
    /// The union of the boxes on an image of width x height pixels: 255 inside, 0 outside, rows from the top. A corner moves to
    /// ⌊extent · (corner / annotated extent)⌋, in double and in this order, and the far corner is exclusive, as the paper's evaluation
    /// has it; what lies outside the image is cut off.
    /// </summary>
    public byte[] Mask(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        var mask = new byte[checked(width * height)];
        foreach (var (_, box) in Objects)
        {
            int left = Corner(box.XMin, Width, width), right = Corner(box.XMax, Width, width);
            int top = Corner(box.YMin, Height, height), bottom = Corner(box.YMax, Height, height);
            for (int row = top; row < bottom && left < right; row++)
                mask.AsSpan(row * width + left, right - left).Fill(255);
        }
        return mask;
    }

    private static int Corner(int corner, int annotated, int extent) =>
        (int)Math.Clamp(extent * ((double)corner / annotated), 0, extent);
}
