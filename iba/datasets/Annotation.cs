using Iba.Engine.Files;

namespace Iba.Datasets;

/// <summary>An object of an image: its class and its box.</summary>
public sealed record AnnotatedObject(string Name, Box Box);

/// <summary>
/// The boxes of an image in Pascal VOC's XML format, which ImageNet uses, too. Corners are in pixels of the annotated size, which may differ
/// from the size of the image file.
/// </summary>
/// <param name="FileName">The image's name in the annotation, in ImageNet without extension; empty if absent.</param>
/// <param name="Width">Width of the annotated image, pixels; 0 if the annotation does not give it: then the photo's own size applies.</param>
/// <param name="Height">Height of the annotated image, pixels; 0 if the width is 0.</param>
/// <param name="Objects">In the order of the file.</param>
public sealed record Annotation(string FileName, int Width, int Height, IReadOnlyList<AnnotatedObject> Objects)
{
    /// <summary>
    /// Reads an annotation file of at most 1 MiB, which is about 10,000 boxes, in the encoding that it declares. A document type declaration is
    /// skipped; entities are neither expanded nor fetched. The two corners of a box may have any order: annotators drag boxes in every direction.
    /// </summary>
    /// <exception cref="DatasetException">
    /// The file cannot be read, is too large or too deeply nested, is not XML, uses an entity of its own, or a corner is missing or not a number.
    /// </exception>
    public static Annotation Read(string path) => AnnotationXml.Read(path);

    /// <summary>Writes an annotation file, atomically. The same annotation gives the same bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    /// <exception cref="FileWriteException">The file cannot be written.</exception>
    public void Write(string path, CancellationToken cancel = default) => AnnotationXml.Write(path, this, cancel);

    /// <summary>
    /// The union of the boxes on an image of width x height pixels: 255 inside, 0 outside, rows from the top. As in the paper's evaluation, a corner
    /// is scaled to ⌊extent · (corner / annotated extent)⌋, in double and in this order, and the far corner is exclusive. Boxes are clipped at the
    /// image. Time is O(pixels + boxes), independent of overlap; memory is one byte per pixel.
    /// </summary>
    public byte[] Mask(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        var mask = new byte[checked(width * height)];
        (int annotatedWidth, int annotatedHeight) = Width == 0 ? (width, height) : (Width, Height);
        var edges = new List<(int Row, int Left, int Right, int Boxes)>();
        foreach (var (_, box) in Objects)
        {
            int left = Corner(box.XMin, annotatedWidth, width), right = Corner(box.XMax, annotatedWidth, width);
            int top = Corner(box.YMin, annotatedHeight, height), bottom = Corner(box.YMax, annotatedHeight, height);
            if (left < right && top < bottom)
                edges.AddRange([(top, left, right, 1), (bottom, left, right, -1)]);
        }
        edges.Sort((one, other) => one.Row.CompareTo(other.Row));

        // For each column, the number of boxes that cover it minus the number at the column before, in the current row. A row at which no box
        // begins or ends equals the one above.
        int[] change = new int[width + 1];
        int next = 0;
        for (int row = edges.Count == 0 ? height : edges[0].Row; row < height; row++)
        {
            Span<byte> line = mask.AsSpan(row * width, width);
            if (next == edges.Count || edges[next].Row > row)
            {
                mask.AsSpan((row - 1) * width, width).CopyTo(line);
                continue;
            }
            for (; next < edges.Count && edges[next].Row == row; next++)
            {
                change[edges[next].Left] += edges[next].Boxes;
                change[edges[next].Right] -= edges[next].Boxes;
            }
            int covering = 0;
            for (int x = 0; x < width; x++)
                line[x] = (covering += change[x]) > 0 ? (byte)255 : (byte)0;
        }
        return mask;
    }

    private static int Corner(int corner, int annotated, int extent) =>
        (int)Math.Clamp(extent * ((double)corner / annotated), 0, extent);
}
