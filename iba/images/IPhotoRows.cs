namespace Iba.Images;

/// <summary>Receives the rows of a photo while it is decoded.</summary>
public interface IPhotoRows
{
    /// <summary>Receives a row. Every row is passed once; BMP files start with the last one.</summary>
    /// <param name="y">The row's index from the top of the picture as stored in the file.</param>
    /// <param name="row">W x C bytes, interleaved. They are only valid during the call.</param>
    void Add(int y, ReadOnlySpan<byte> row);
}
